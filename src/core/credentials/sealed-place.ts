/** A column that holds sealed values: whoever seals something names it here for a change of the master key (see core/rotation). */
export interface SealedPlace {
  readonly purpose: string;
  readonly table: string;
  /** A text that names the row. */
  readonly id: string;
  readonly column: string;
  /** The column is JSON, and the sealed value a text in it. */
  readonly json?: boolean;
  /** Other columns the seal is bound to. */
  readonly bound: readonly string[];
  /** A condition that tells sealed rows from others. Left out: those that are not null. */
  readonly where?: string;
  /** What the seal of a row is bound to, from `id` and `bound`, in this order. */
  record(values: readonly (string | null)[]): string;
}
