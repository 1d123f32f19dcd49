import { Injectable } from '@nestjs/common';
import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import type { Instance } from './instance.entity.js';
import type { InstancePatch } from './instances.service.js';

/** Who wants to act when an instance comes or goes. Called after the change is stored; must tolerate a repeat. */
export interface InstanceHook {
  /** It runs, possibly again under another boot. */
  running(instance: Instance): Promise<void>;
  /** It is about to be stopped on purpose: last chance to park work. Bounded by the caller. */
  stopping(instanceId: string): Promise<void>;
  /** It does not run (any more); `reason` is for people. `willReturn`: it is about to be started again. */
  halted(instanceId: string, reason: string, willReturn: boolean): Promise<void>;
  /** A person stops the agent, which is more than a halt for a rename or a recreate. In the transaction of the wish. */
  stopAsked?(tx: Tx, who: Principal, agentId: string): Promise<void>;
  /** The agent is about to be deleted with all its rows. @returns what is done once they are gone, in the same transaction */
  deleting?(tx: Tx, agentId: string): Promise<() => Promise<void>>;
}

/** A container that answers, but is not yet announced as running. */
export interface StartingInstance {
  readonly instanceId: string;
  readonly agentId: string;
  readonly ref: string;
}

/** Work that must be done in a container before anything of the agent's runs in it. Must tolerate a repeat. */
export interface StartStep {
  /** @returns what is stored about it when the instance is marked running. Throwing fails the start. */
  prepare(instance: StartingInstance): Promise<InstancePatch>;
}

/** Lets later modules (sessions, gateways) follow instances without instances knowing them. */
@Injectable()
export class InstanceHooks {
  private readonly hooks: InstanceHook[] = [];
  private readonly steps: StartStep[] = [];

  add(hook: InstanceHook): void {
    this.hooks.push(hook);
  }

  /** Steps are taken one after another, in the order in which they were added. */
  addStep(step: StartStep): void {
    this.steps.push(step);
  }

  /** A step before all others. */
  addFirstStep(step: StartStep): void {
    this.steps.unshift(step);
  }

  async prepare(instance: StartingInstance): Promise<InstancePatch> {
    let patch: InstancePatch = {};
    for (const step of this.steps) patch = { ...patch, ...(await step.prepare(instance)) };
    return patch;
  }

  async running(instance: Instance): Promise<void> {
    await Promise.all(this.hooks.map((hook) => hook.running(instance)));
  }

  async stopping(instanceId: string): Promise<void> {
    await Promise.all(this.hooks.map((hook) => hook.stopping(instanceId)));
  }

  async stopAsked(tx: Tx, who: Principal, agentId: string): Promise<void> {
    for (const hook of this.hooks) await hook.stopAsked?.(tx, who, agentId);
  }

  async deleting(tx: Tx, agentId: string): Promise<() => Promise<void>> {
    const rest: (() => Promise<void>)[] = [];
    for (const hook of this.hooks) if (hook.deleting) rest.push(await hook.deleting(tx, agentId));
    return async () => {
      for (const work of rest) await work();
    };
  }

  async halted(instanceId: string, reason: string, willReturn: boolean): Promise<void> {
    await Promise.all(this.hooks.map((hook) => hook.halted(instanceId, reason, willReturn)));
  }
}
