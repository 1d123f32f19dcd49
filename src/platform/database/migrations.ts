import { CreateAccounts1700000000001 } from '../../migrations/0001-create-accounts.js';
import { CreatePlatform1700000000002 } from '../../migrations/0002-create-platform.js';
import { CreateFleet1700000000003 } from '../../migrations/0003-create-fleet.js';
import { ClearActivity1700000000004 } from '../../migrations/0004-clear-activity.js';
import { JournalProgress1700000000005 } from '../../migrations/0005-journal-progress.js';
import { CreateLeases1700000000006 } from '../../migrations/0006-create-leases.js';
import { CreateFolders1700000000010 } from '../../migrations/0010-create-folders.js';
import { ShareAndInvite1700000000007 } from '../../migrations/0007-share-and-invite.js';
import { CredentialSettings1700000000008 } from '../../migrations/0008-credential-settings.js';
import { CreateAgentSeeds1700000000012 } from '../../migrations/0012-create-agent-seeds.js';
import { TalkInSessions1700000000014 } from '../../migrations/0014-talk-in-sessions.js';
import { CreateSchedules1700000000011 } from '../../migrations/0011-create-schedules.js';
import { PrepareHosting1700000000013 } from '../../migrations/0013-prepare-hosting.js';
import { CreateGroups1700000000015 } from '../../migrations/0015-create-groups.js';
import { CreateSsh1700000000009 } from '../../migrations/0009-create-ssh.js';
import { AnnounceCallers1700000000017 } from '../../migrations/0017-announce-callers.js';
import { KeepContextOfTurns1700000000018 } from '../../migrations/0018-keep-context-of-turns.js';
import { ChooseImages1700000000019 } from '../../migrations/0019-choose-images.js';
import { ChooseNextModel1700000000020 } from '../../migrations/0020-choose-next-model.js';
import { KeepGivenTitles1700000000021 } from '../../migrations/0021-keep-given-titles.js';

/** In the order they run. Released migrations never change. */
export const migrations = [
  CreateAccounts1700000000001,
  CreatePlatform1700000000002,
  CreateFleet1700000000003,
  ClearActivity1700000000004,
  JournalProgress1700000000005,
  CreateLeases1700000000006,
  CreateFolders1700000000010,
  ShareAndInvite1700000000007,
  CredentialSettings1700000000008,
  CreateAgentSeeds1700000000012,
  CreateSchedules1700000000011,
  CreateSsh1700000000009,
  PrepareHosting1700000000013,
  TalkInSessions1700000000014,
  CreateGroups1700000000015,
  AnnounceCallers1700000000017,
  KeepContextOfTurns1700000000018,
  ChooseImages1700000000019,
  ChooseNextModel1700000000020,
  KeepGivenTitles1700000000021,
];
