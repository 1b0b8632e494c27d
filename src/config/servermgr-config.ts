import type { LogLevel } from '../runtime/log.ts';
import type { ProxyConfig } from '../runtime/proxy.ts';
import type { DatabaseTls } from './servermgr-values.ts';
import type { Address, Command, DestinationUrl } from './session-config.ts';
import type { WebhookEventType } from './webhook-events.ts';

/** Everything that servermgr needs to know, complete and frozen. */
export interface ServermgrConfig {
  /** Marks the sessions of this servermgr, in however many instances. */
  readonly name: string;
  readonly listen: Address;
  /** Signs cookies; undefined: made once, and kept in the state folder. */
  readonly secret: string | undefined;
  readonly stateFolder: string;
  readonly database: DatabaseSettings;
  /** The path that all pages are below: empty, or `/play`. */
  readonly basePath: string;
  /** undefined: there is no /admin. */
  readonly adminToken: string | undefined;
  /** undefined: there is no /metrics. */
  readonly metricsToken: string | undefined;
  readonly webhooks: WebhookSettings;
  readonly limits: ServermgrLimits;
  /** Number of proxies in front of it whose X-Forwarded-For is trusted. */
  readonly trustedProxies: number;
  readonly worlds: readonly World[];
  readonly studies: StudiesConfig;
  readonly agents: readonly Agent[];
  readonly session: SessionSettings;
  readonly launcher: LauncherSettings;
  /** For its requests to AWS, and to the store of its sessions. */
  readonly proxy: ProxyConfig | undefined;
  readonly logLevel: LogLevel;
}

/** The platforms that studies find people at. */
export interface StudiesConfig {
  /** undefined: Prolific is not asked. */
  readonly prolific: { readonly token: string; readonly url: string } | undefined;
  /** Which other sites a study's pages have to do with, each an https origin. */
  readonly mturk: MturkOrigins;
}

export interface MturkOrigins {
  /** The pages that they may lie in. */
  readonly parents: readonly string[];
  /** Where results are sent, and where browsers are led from there: Chromium applies `form-action` to that as well. */
  readonly forms: readonly string[];
}

/** Who is told what happens to sessions. */
export interface WebhookSettings {
  readonly endpoints: readonly WebhookEndpoint[];
  /** Hosts, addresses and networks that may be internal, or asked without TLS. */
  readonly internal: readonly string[];
}

export interface WebhookEndpoint {
  readonly url: string;
  readonly secret: string;
  /** What it is told. */
  readonly events: readonly WebhookEventType[];
}

export type DatabaseSettings =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly tls: DatabaseTls };

export interface ServermgrLimits {
  /** How many sessions may run at once. */
  readonly fleet: number;
  /** A launch that has not become ready after so long is stopped. */
  readonly launchTimeoutMs: number;
  /** A session is stopped so long after its launch. */
  readonly maxAgeMs: number;
  /** US dollars a day; undefined: no limit. */
  readonly budgetPerDay: number | undefined;
  /** Of one network: sessions at once, sessions in a day, and launch requests in ten minutes. */
  readonly sessionsPerNetwork: number;
  readonly launchesPerDay: number;
  readonly presses: number;
  /** Open event streams: of all visitors together, and of one address. */
  readonly streams: number;
  readonly streamsPerAddress: number;
}

/** What a visitor can choose. */
export interface World {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** What a session in this world gets besides what all get. */
  readonly env: Readonly<Record<string, string>>;
}

/** An agent that a session may be launched with in place of the one that all have. */
export interface Agent {
  readonly id: string;
  readonly title: string;
  /** What its session gets besides what all get, and what those in its world get. */
  readonly env: Readonly<Record<string, string>>;
  /** The image that it is in, for docker, or the task definition, for ecs; undefined: that of all sessions. */
  readonly image: string | undefined;
}

/** A game that runs on this machine without an image, and its world. */
export interface DemoGame {
  readonly env: Readonly<Record<string, string>>;
  readonly world: World;
}

/** What servermgr has to know of its sessions: values of the supervisor's variables. */
export interface SessionSettings {
  /** The SESSION_… variables that every session gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly destination: DestinationUrl;
  readonly joinTimeoutMs: number | undefined;
  readonly emptyTimeoutMs: number | undefined;
  readonly maxDurationMs: number;
  /** How many of the players online are the agent. */
  readonly agentPlayers: number;
  readonly pathStyle: boolean;
  /** What one session costs an hour, in US dollars; undefined: the launcher's estimate. */
  readonly costPerHour: number | undefined;
}

export type LauncherSettings = LocalSettings | DockerSettings | EcsSettings;

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Sessions as processes of this machine. */
export interface LocalSettings {
  readonly kind: 'local';
  /** The supervisor: it runs one session, or recovers one. */
  readonly supervisor: Command;
  readonly ports: PortRange;
  /** The host that visitors connect to. */
  readonly gameHost: string;
  /** Each session gets one more port, for the agent's dashboard. */
  readonly dashboard: boolean;
}

/** Sessions as containers of this machine. */
export interface DockerSettings {
  readonly kind: 'docker';
  readonly image: string;
  /** Ports of this machine, at which those of containers are published. */
  readonly ports: PortRange;
  readonly gameHost: string;
  /** Where the game listens in a container. */
  readonly gamePort: number;
  /** The same for the agent's dashboard; undefined: there is none. */
  readonly dashboardPort: number | undefined;
  /** Where servermgr itself reaches the containers' ports. */
  readonly pingHost: string;
}

/** Sessions as tasks of Amazon ECS. */
export interface EcsSettings {
  readonly kind: 'ecs';
  readonly cluster: string;
  readonly taskDefinition: string;
  readonly container: string;
  /** The ARN of the role that recoveries run in; undefined: the task definition's own. */
  readonly recoveryRole: string | undefined;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  /** Tried in this order. */
  readonly capacity: readonly Capacity[];
  readonly gamePort: number;
  /** Where the agent's dashboard listens in a task; undefined: there is none. */
  readonly dashboardPort: number | undefined;
}

export type Capacity = 'FARGATE_SPOT' | 'FARGATE';
