import { Injectable } from '@nestjs/common';
import { Runtimes } from '../runtimes/runtime.port.js';
import { Activity } from './activity.entity.js';
import type { IngestContext } from './ingest.context.js';
import { IngestRequests } from './ingest-requests.js';
import type { Effect, ToolFields } from './journal.effects.js';
import { stringOf } from './json.js';
import { mergedFields } from './tool.fields.js';
import type { Session } from './session.entity.js';
import { announce } from './activity-news.js';
import type { Turn } from './turn.entity.js';
import { causeOf } from './turn.rules.js';

type ToolEffect = Extract<Effect, { type: 'tool' }>;

/** Tool calls: every update is an event; the merged picture is a line of the timeline. */
@Injectable()
export class IngestTools {
  constructor(
    private readonly runtimes: Runtimes,
    private readonly requests: IngestRequests,
  ) {}

  async apply(context: IngestContext, effect: ToolEffect): Promise<void> {
    const session = context.sessionOf(effect.session);
    if (!session) return;
    const turn = await context.turnOf(session);
    const { toolCallId, fields, offset } = effect;
    const origin = { generation: context.generation.number, offset, part: 0 };
    const kind = effect.first ? 'tool_call' : 'tool_update';
    context.log.append(session, kind, { toolCallId, ...fields }, { turnId: turn?.id ?? null, origin });
    if (!turn) return;
    const merged = await this.merge(context, turn, toolCallId, fields);
    await this.question(context, session, turn, toolCallId, merged);
  }

  private async merge(context: IngestContext, turn: Turn, toolCallId: string, fields: ToolFields): Promise<Activity> {
    const { tx, agent, now } = context;
    const id = activityIdOf(turn.id, toolCallId);
    const known = await tx.of(Activity).findOneBy({ id });
    const activity = known ?? new Activity();
    if (!known) {
      const about = { id, agentId: agent.id, turnId: turn.id, parentId: turn.id, type: 'tool_call' } as const;
      const cause = { userId: turn.userId, triggeredBy: causeOf(turn) } as const;
      Object.assign(activity, {
        ...about,
        ...cause,
        state: 'started',
        details: {},
        error: null,
        startedAt: now,
        endedAt: null,
      });
      turn.toolCount += 1;
      context.changed(turn);
    }
    activity.details = { ...activity.details, ...mergedFields(activity.details, fields), toolCallId };
    const over = fields.status === 'completed' || fields.status === 'failed';
    if (over && activity.state === 'started') {
      Object.assign(activity, { state: fields.status, endedAt: now });
    }
    await tx.of(Activity).save(activity);
    if (!known || over) await announce(tx, agent.orgId, agent.id, activity);
    return activity;
  }

  /** Some runtimes ask questions as a tool call that only their own server can answer. */
  private async question(
    context: IngestContext,
    session: Session,
    turn: Turn,
    toolCallId: string,
    activity: Activity,
  ): Promise<void> {
    const bridge = this.runtimes.find(context.agent.runtime)?.questions;
    if (!bridge) return;
    const { title, tool, input } = activity.details;
    const questions = bridge.questionsIn({ title: stringOf(tool ?? title), rawInput: input });
    if (!questions) return;
    if (activity.state === 'started') await this.requests.bridged(context, session, turn, { toolCallId, questions });
    else await this.requests.settled(context, `tool:${toolCallId}`);
  }
}

export const activityIdOf = (turnId: string, toolCallId: string): string => `${turnId}:${toolCallId}`;
