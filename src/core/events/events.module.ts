import { Global, Module } from '@nestjs/common';
import { FleetEvents } from './fleet-events.js';
import { OutboxRelay } from './outbox-relay.js';

/** Provides `FleetEvents` everywhere. */
@Global()
@Module({ providers: [OutboxRelay, { provide: FleetEvents, useExisting: OutboxRelay }], exports: [FleetEvents] })
export class EventsModule {}
