import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { rowReader, type RowReader } from './row-reader.js';

export interface EntityRead<T> {
  readonly text: string;
  readonly values: readonly unknown[];
  read(row: Readonly<Record<string, unknown>>): T | null;
}

/**
 * Selects of one whole row by plain values, without the query builder: that costs more than the database does. The text is always
 * the same for the same properties, so that it is prepared once.
 */
export class EntityReads {
  private readonly texts = new Map<string, string>();
  private readonly readers = new Map<EntityTarget<ObjectLiteral>, RowReader<ObjectLiteral> | null>();

  constructor(private readonly source: DataSource) {}

  /** null: not such a read, or not such an entity; take the query builder. */
  one<T extends ObjectLiteral>(
    entity: EntityTarget<T>,
    where: object,
    ending: '' | 'for update' = '',
  ): EntityRead<T> | null {
    const reader = this.readerOf(entity);
    const values = Object.values(where) as unknown[];
    if (!reader || values.length === 0 || !values.every(isPlain)) return null;
    const { name } = this.source.getMetadata(entity);
    const key = `${name} ${Object.keys(where).join()} ${ending}`;
    const text = this.texts.get(key) ?? this.textOf(entity, reader, Object.keys(where), ending);
    this.texts.set(key, text);
    return { text, values, read: (row) => reader.read(row) as T | null };
  }

  private textOf(
    entity: EntityTarget<ObjectLiteral>,
    reader: RowReader<ObjectLiteral>,
    names: string[],
    ending: string,
  ) {
    const { tablePath, columns } = this.source.getMetadata(entity);
    const conditions = names.map((name, index) => {
      const column = columns.find(({ propertyName }) => propertyName === name);
      if (!column) throw new Error(`${tablePath} has no ${name}`);
      return `r.${column.databaseName} = $${index + 1}`;
    });
    return `select ${reader.columns} from ${tablePath} r where ${conditions.join(' and ')} limit 1 ${ending}`.trimEnd();
  }

  private readerOf<T extends ObjectLiteral>(entity: EntityTarget<T>): RowReader<ObjectLiteral> | null {
    const known = this.readers.get(entity);
    if (known !== undefined) return known;
    const made = typeof entity === 'function' ? readerOrNull(this.source, entity as new () => ObjectLiteral) : null;
    this.readers.set(entity, made);
    return made;
  }
}

const isPlain = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number';

function readerOrNull(source: DataSource, entity: new () => ObjectLiteral): RowReader<ObjectLiteral> | null {
  try {
    return rowReader(source, entity, 'r');
  } catch {
    return null; // a column that has to be converted
  }
}
