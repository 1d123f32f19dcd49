import type { Answer } from '../support/trinity-client.js';

export interface Operation {
  readonly what: string;
  /** What it is about: an agent, mostly. */
  readonly about: string;
  readonly began: number;
  /** null while no answer came. */
  status: number | null;
  body: unknown;
}

/** What a client asked for and what it was told: only the second binds the server. */
export class Ledger {
  readonly operations: Operation[] = [];

  /** Notes the question, and the answer if one comes. A connection that breaks leaves it open. */
  async run(what: string, about: string, call: () => Promise<Answer<unknown>>): Promise<Operation> {
    const operation: Operation = { what, about, began: Date.now(), status: null, body: null };
    this.operations.push(operation);
    try {
      const { status, body } = await call();
      Object.assign(operation, { status, body });
    } catch {
      return operation;
    }
    return operation;
  }

  acknowledged(what: string, about: string): Operation | undefined {
    return this.operations.find((one) => one.what === what && one.about === about && isDone(one.status));
  }

  asked(what: string, about: string): boolean {
    return this.operations.some((one) => one.what === what && one.about === about);
  }

  /** What was answered with an error although nothing was broken yet. */
  get refused(): Operation[] {
    return this.operations.filter(({ status }) => status !== null && !isDone(status));
  }

  get open(): Operation[] {
    return this.operations.filter((one) => one.status === null);
  }
}

const isDone = (status: number | null): boolean => status !== null && status >= 200 && status < 300;
