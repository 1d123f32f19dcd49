export interface TemplateFile {
  /** Relative to the template, with `/`. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly data: Buffer;
}

/** Folders on this machine that agents are made from. */
export abstract class TemplateFolders {
  /** Names of all templates, in order. */
  abstract names(): Promise<readonly string[]>;

  /** The text of a template's `template.yaml`; null when there is no such template. */
  abstract document(name: string): Promise<string | null>;

  /** Every regular file of a template; throws `NotFound` when there is no such template, `Invalid` when it is too large. */
  abstract files(name: string): AsyncIterable<TemplateFile>;
}
