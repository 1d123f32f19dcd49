import { Injectable } from '@nestjs/common';
import type { Principal } from '../../core/access/principal.js';
import { AgentPages, type PagedAgent } from '../../core/fleet/agent-pages.service.js';
import { AgentReach } from '../../core/instances/agent-reach.service.js';
import { phaseOf } from '../../core/instances/instance.phase.js';
import { History } from '../../core/sessions/history.service.js';
import { Workload } from '../../core/sessions/workload.service.js';
import { AgentDetailView, AgentView, SessionView } from './agents.dto.js';
import { ShownAs } from './shown-as.js';
import { statusOf } from './words.js';

/** Puts together what this API shows of agents. */
@Injectable()
export class AgentsReader {
  constructor(
    private readonly pages: AgentPages,
    private readonly history: History,
    private readonly workload: Workload,
    private readonly reach: AgentReach,
    private readonly shown: ShownAs,
  ) {}

  /** As a list shows it. */
  short(paged: PagedAgent): AgentView {
    return AgentView.of(paged, this.shown.model(paged.agent), this.shown.agent(paged.agent.id));
  }

  /** Everything about one agent (contract 2.3). */
  async whole(who: Principal, agentId: string): Promise<AgentDetailView> {
    const paged = await this.pages.get(who, agentId);
    const { agent, instance } = paged;
    const [sessions, working, open] = await Promise.all([
      this.history.sessions(who, agent),
      this.workload.sessionsAtWork(agent.id),
      this.workload.openRequests(agent.id),
    ]);
    const status = statusOf(instance && phaseOf(instance));
    const ended = status === 'STOPPED' || status === 'ERROR' ? instance : null;
    return Object.assign(this.short(paged), {
      reachable: instance?.state === 'running' && this.reach.answers(instance),
      sessions: sessions.map((session) =>
        SessionView.of(session, working.has(session.id), this.shown.session(session.id)),
      ),
      pendingPermissions: open.approvals,
      pendingQuestions: open.questions,
      lastError: ended?.lastError ?? ended?.reason ?? null,
      startedAt: instance?.startedAt?.toISOString() ?? null,
      stoppedAt: ended?.stateSince.toISOString() ?? null,
    });
  }
}
