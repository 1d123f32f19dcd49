/** What the server's APIs answer, as far as this page reads it. */

/** One agent in the overview of the fleet. */
export interface Member {
  readonly name: string;
  readonly status: string;
  readonly state: string | null;
  readonly reason: string | null;
  readonly owner: string | null;
  readonly is_owner: boolean;
  readonly is_shared: boolean;
  readonly is_system: boolean;
  readonly tags: readonly string[];
  readonly runtime: string;
  readonly cpu_percent: number | null;
  readonly memory_used_bytes: number | null;
  readonly memory_limit_bytes: number | null;
  readonly context_percent: number | null;
  readonly activity: 'active' | 'idle' | 'offline';
  readonly autonomy_enabled: boolean;
  readonly read_only_enabled: boolean;
  readonly created: string;
}

/** One agent with everything the published API tells. */
export interface Agent {
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly status_reason: string | null;
  readonly created: string;
  readonly resources: { readonly cpu: string; readonly memory: string };
  readonly template: string | null;
  readonly runtime: string;
  readonly owner: string | null;
  readonly is_owner: boolean;
  readonly is_shared: boolean;
  readonly is_system: boolean;
  readonly tags: readonly string[];
  readonly autonomy_enabled: boolean;
  readonly read_only_enabled: boolean;
  readonly can_share: boolean;
  readonly can_delete: boolean;
}

export interface Me {
  readonly username: string;
  readonly email: string | null;
  readonly name: string | null;
  readonly role: string;
}

export interface AuthMode {
  readonly email_auth_enabled: boolean;
  readonly setup_completed: boolean;
}

interface Waiting {
  readonly id: string;
  readonly turn_id: string | null;
  readonly created_at: string;
  readonly expires_at: string;
}

export interface ShownContent {
  readonly type?: string;
  readonly path?: string;
  readonly oldText?: string | null;
  readonly newText?: string;
  readonly content?: { readonly text?: unknown };
}

/** Where it was asked: pages of one conversation are not told. */
export interface Asker {
  readonly agent: string;
  readonly session_id: string;
}

export interface Approval extends Waiting {
  readonly title: string;
  readonly kind: string;
  readonly input: unknown;
  readonly content: readonly ShownContent[] | null;
  readonly pattern: string | null;
}

export interface Asked {
  readonly key: string;
  readonly text: string;
  readonly header: string | null;
  readonly options: readonly { readonly value: string; readonly label: string; readonly description: string | null }[];
  readonly multiple: boolean;
  readonly free_text: boolean;
}

export interface Question extends Waiting {
  readonly message: string;
  readonly questions: readonly Asked[];
}
