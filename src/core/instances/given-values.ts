import { Injectable } from '@nestjs/common';
import type { Variables } from '../credentials/environment.rules.js';
import { Redactor } from '../credentials/redactor.js';

/** Who gives an agent's processes values from outside its home, such as the secrets of a group. */
export interface GivenSource {
  /** As they were when the container started: a later change waits for the next start. */
  variables(instanceId: string): Promise<Variables>;
  /** Every value its processes were ever given: what they print may still hold an old one. */
  values(instanceId: string): Promise<readonly string[]>;
}

/** Lets later modules give values to agents without those who launch, log and listen knowing them. */
@Injectable()
export class GivenValues {
  private readonly sources: GivenSource[] = [];

  add(source: GivenSource): void {
    this.sources.push(source);
  }

  /** By name; of two sources the later one wins. */
  async variables(instanceId: string): Promise<Variables> {
    const all = new Map<string, string>();
    for (const source of this.sources) {
      for (const [name, value] of await source.variables(instanceId)) all.set(name, value);
    }
    return all;
  }

  /** Takes the values out of what the agent prints, before anybody sees or stores it. */
  async redactor(instanceId: string): Promise<Redactor> {
    const values: string[] = [];
    for (const source of this.sources) values.push(...(await source.values(instanceId)));
    return Redactor.of(values);
  }
}
