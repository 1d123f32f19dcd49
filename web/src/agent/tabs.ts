import { type ComponentType, lazy } from 'react';
import { ChatTab } from '../chat/chat-tab';
import { FilesTab } from '../files/files-tab';
import type { Agent, Me } from '../lib/types';
import { LogsTab } from '../logs/logs-tab';
import { SchedulesTab } from '../schedules/schedules-tab';
import { SettingsTab } from '../settings/settings-tab';
import { SharingTab } from '../settings/sharing-tab';

interface Tab {
  readonly id: string;
  readonly title: string;
  readonly view: ComponentType<{ readonly agent: Agent }>;
  /** Whether it makes sense for this agent and this reader. */
  fits(agent: Agent, me: Me | undefined): boolean;
}

const always = (): boolean => true;
// Heavy, and for few: read when somebody opens it.
const TerminalTab = lazy(() => import('../terminal/terminal-tab'));
const owns = (agent: Agent, me: Me | undefined): boolean => agent.is_owner || me?.role === 'admin';

/** The parts of an agent's page, in their order. */
export const tabs: readonly Tab[] = [
  { id: 'chat', title: 'Chat', view: ChatTab, fits: always },
  { id: 'logs', title: 'Logs', view: LogsTab, fits: always },
  { id: 'files', title: 'Files', view: FilesTab, fits: always },
  { id: 'terminal', title: 'Terminal', view: TerminalTab, fits: owns },
  { id: 'schedules', title: 'Schedules', view: SchedulesTab, fits: always },
  { id: 'sharing', title: 'Sharing', view: SharingTab, fits: ({ can_share: may }) => may },
  { id: 'settings', title: 'Settings', view: SettingsTab, fits: always },
];
