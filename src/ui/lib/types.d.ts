/* Documents of the API, as far as more than one module needs them. What only one page needs is typed there. */

export type Scope = 'read' | 'send' | 'control' | 'edit';

export interface Me { key: string | null; role: string | null; scopes: Scope[]; org: string | null; wakes: boolean; version: string }

export interface OrgLine { name: string; path?: string; title: string | null; is_default: boolean; tick: number | null; agents?: number; problem?: string | null }

export interface LastTurn { tick: number; status: string; clock: number }

export interface StatusAgent {
  name: string; title: string; enabled: boolean; paused: boolean; credits_left: number | null; below_soft_cap: boolean;
  last_turn: LastTurn | null; failures: number; unread: number;
}

export interface Status {
  org: string; store: string; tick: number; clock: number; time: string | null; paused: boolean; open: unknown | null; agents: StatusAgent[];
  budget: { window: string; credits: number; charged: number; left: number } | null; waiting_ingress: number; problems: unknown[];
}

/** One of GET /agents. */
export interface Agent extends StatusAgent {
  short_description?: string; model?: string; schedule?: { run_every_n_ticks: number; phase_offset: number; when: string } | null;
  reads?: string[]; sends?: string[] | null; tools?: string[]; max_credits?: number | null; soft_cap?: number | null; turns?: number;
  broken?: string | null; doing: string;
}

export interface Message {
  position: string; tick: number; id: string; from: string; to: string[] | null; kind: string; importance: string; text: string;
  payload?: Record<string, unknown>; tags: string[]; reply_to: string | null; thread_id: string | null; created_at: string; unread?: boolean;
}

export interface LiveEvent {
  id?: string | number | null; type: string; tick: number; time: string; agent?: string; status?: string; outcome?: string; cost_credits?: number;
  message?: Message; balance?: number; charged_credits?: number; due?: string[]; skipped?: { agent: string; reason: string }[]; [field: string]: any;
}

export interface TickLine {
  tick: number; clock: number; time: string; state: string; trigger: { kind: string } & Record<string, unknown>; due: number; ok: number; failed: number;
  skipped: number; messages: number; mail: number; cost_credits: number; sha256: string | null;
}

/** Of two ways that are one, `both` is said of the only edge. */
export interface Edge { from: string; to: string; both: boolean }

export interface Graph {
  nodes: { name: string; title: string | null; enabled: boolean; woken_by_mail: boolean }[];
  edges: Edge[]; max_hops: number; broken: Record<string, string>;
  notes: { unreachable: string[]; mute: string[]; only_people_reach: string[]; disabled: string[]; loops: string[][]; gaps: unknown[] };
}
