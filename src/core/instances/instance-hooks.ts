import { Injectable } from '@nestjs/common';
import type { Instance } from './instance.entity.js';

/** Who wants to act when an instance comes or goes. Called after the change is stored; must tolerate a repeat. */
export interface InstanceHook {
  /** It runs, possibly again under another boot. */
  running(instance: Instance): Promise<void>;
  /** It is about to be stopped on purpose: last chance to park work. Bounded by the caller. */
  stopping(instanceId: string): Promise<void>;
  /** It does not run (any more); `reason` is for people. `willReturn`: it is about to be started again. */
  halted(instanceId: string, reason: string, willReturn: boolean): Promise<void>;
}

/** Lets later modules (sessions, gateways) follow instances without instances knowing them. */
@Injectable()
export class InstanceHooks {
  private readonly hooks: InstanceHook[] = [];

  add(hook: InstanceHook): void {
    this.hooks.push(hook);
  }

  async running(instance: Instance): Promise<void> {
    await Promise.all(this.hooks.map((hook) => hook.running(instance)));
  }

  async stopping(instanceId: string): Promise<void> {
    await Promise.all(this.hooks.map((hook) => hook.stopping(instanceId)));
  }

  async halted(instanceId: string, reason: string, willReturn: boolean): Promise<void> {
    await Promise.all(this.hooks.map((hook) => hook.halted(instanceId, reason, willReturn)));
  }
}
