import { inspect } from 'node:util';

/** A value that prints as `[sealed]` wherever it is logged, inspected or serialised. `reveal()` is the only way in. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '[sealed]';
  }
  toJSON(): string {
    return '[sealed]';
  }
  [inspect.custom](): string {
    return '[sealed]';
  }
}
