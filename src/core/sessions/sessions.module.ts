import { Global, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { InstanceHooks } from '../instances/instance-hooks.js';
import { Reconciler } from '../instances/reconciler.service.js';
import { AgentStarts, StartParts } from './agent-starts.service.js';
import { AttachSteps } from './attach-steps.js';
import { Caretaker, CaretakerTools } from './caretaker.service.js';
import { JournalFollower } from './follower.service.js';
import { History } from './history.service.js';
import { CollaborationEnds } from './collaboration-ends.js';
import { Conversations } from './conversations.service.js';
import { IngestRequests } from './ingest-requests.js';
import { IngestResponses } from './ingest-responses.js';
import { IngestTools } from './ingest-tools.js';
import { IngestEffects } from './ingest-effects.js';
import { Ingest } from './ingest.service.js';
import { Openings } from './openings.service.js';
import { Prompts } from './prompts.service.js';
import { Queues } from './queue.service.js';
import { CarrierMap, QuestionCarrier } from './question-carrier.service.js';
import { RequestRoads, RequestSettling } from './request-settling.service.js';
import { Requests } from './requests.service.js';
import { RuntimeDriver, RuntimeMachinery } from './runtime-driver.service.js';
import { SessionStreams } from './session-streams.js';
import { SessionWatch } from './session-watch.service.js';
import { Tasks } from './tasks.service.js';
import { Timeline } from './timeline.service.js';
import { TurnIntake } from './turn-intake.service.js';
import { TurnStops } from './turn-stops.service.js';
import { Transcripts } from './transcripts.service.js';
import { Usage } from './usage.service.js';
import { TurnEndings } from './turn-endings.js';
import { TurnPump } from './turn-pump.service.js';
import { TurnSender, TurnTools } from './turn-sender.service.js';
import { Workload } from './workload.service.js';

const services = [
  AgentStarts,
  Caretaker,
  Conversations,
  History,
  Openings,
  Prompts,
  Queues,
  Requests,
  SessionStreams,
  SessionWatch,
  Tasks,
  Timeline,
  Transcripts,
  TurnIntake,
  TurnPump,
  TurnStops,
  Usage,
  Workload,
];
const parts = [
  AttachSteps,
  CaretakerTools,
  CarrierMap,
  CollaborationEnds,
  Ingest,
  IngestEffects,
  IngestRequests,
  IngestResponses,
  IngestTools,
  JournalFollower,
  QuestionCarrier,
  RequestRoads,
  RequestSettling,
  RuntimeDriver,
  RuntimeMachinery,
  StartParts,
  TurnEndings,
  TurnSender,
  TurnTools,
];

/** Conversations with agents. Its start is the start of the whole machinery: hooks first, then the engine is watched. */
@Global()
@Module({ providers: [...services, ...parts], exports: services })
export class SessionsModule implements OnApplicationBootstrap {
  constructor(
    private readonly hooks: InstanceHooks,
    private readonly pump: TurnPump,
    private readonly reconciler: Reconciler,
    private readonly caretaker: Caretaker,
    private readonly openings: Openings,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.hooks.add(this.pump);
    this.hooks.add(this.openings);
    await this.reconciler.start();
    this.caretaker.start();
  }
}
