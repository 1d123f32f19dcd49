import type { Answer } from '../support/trinity-client.js';

export interface Operation {
  readonly what: string;
  readonly agent: string;
  readonly began: number;
  /** null while no answer came. */
  status: number | null;
  body: unknown;
}

/** What a client asked for and what it was told: only the second binds the server. */
export class Ledger {
  readonly operations: Operation[] = [];

  /** Notes the question, and the answer if one comes. A connection that breaks leaves it open. */
  async run(what: string, agent: string, call: () => Promise<Answer<unknown>>): Promise<Operation> {
    const operation: Operation = { what, agent, began: Date.now(), status: null, body: null };
    this.operations.push(operation);
    try {
      const { status, body } = await call();
      Object.assign(operation, { status, body });
    } catch {
      return operation;
    }
    return operation;
  }

  acknowledged(what: string, agent: string): Operation | undefined {
    return this.operations.find((one) => one.what === what && one.agent === agent && one.status === 200);
  }

  asked(what: string, agent: string): boolean {
    return this.operations.some((one) => one.what === what && one.agent === agent);
  }

  get open(): Operation[] {
    return this.operations.filter((one) => one.status === null);
  }
}
