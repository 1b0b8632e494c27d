import type { LogLevel } from '../runtime/log.ts';
import type { ProxyConfig } from '../runtime/proxy.ts';

/** Everything that a session needs to know, complete and frozen: nothing else reads the environment. */
export interface SessionConfig {
  /** The name that the session claims: see save/claim.ts. */
  readonly timestamp: string;
  /** What whoever launched it says of it, for its report; undefined: nothing. No log has them: they may name a person. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Absolute path: where the children run and what is archived. */
  readonly workdir: string;
  /** Run to its end before the server starts. */
  readonly setupCommand: Command | undefined;
  readonly server: ServerConfig;
  readonly agent: AgentConfig;
  readonly limits: LimitsConfig;
  readonly stop: StopConfig;
  readonly save: SaveConfig;
  readonly journal: JournalConfig;
  readonly monitoring: MonitoringConfig;
  readonly children: ChildrenConfig;
  readonly reportNames: boolean;
  readonly logLevel: LogLevel;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** A program and its arguments. */
export type Command = readonly [file: string, ...args: string[]];

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ServerConfig {
  readonly run: { readonly kind: 'command'; readonly command: Command } | CuberiteConfig;
  readonly address: Address;
  readonly readyTimeoutMs: number;
  readonly livenessTimeoutMs: number;
  /** Console command sent before SIGTERM; undefined: none. */
  readonly stopCommand: string | undefined;
  /** Time from the first stop step to SIGKILL. */
  readonly stopGraceMs: number;
  readonly worldSave: WorldSaveConfig;
}

interface WorldSaveConfig {
  /** undefined: the server saves its world when it wants to. */
  readonly intervalMs: number | undefined;
  /** Console command that saves it, where no plug-in of ours does; undefined: none. */
  readonly command: string | undefined;
}

/** Cuberite started directly, in a folder that the supervisor prepares. */
export interface CuberiteConfig {
  readonly kind: 'cuberite';
  readonly home: string;
  readonly binary: string;
  /** Absolute path of the configuration folder that the server's folder is a copy of. */
  readonly configFolder: string;
  readonly mode: 'creative' | 'survival';
  readonly seed: string;
  readonly plugins: readonly string[];
  readonly webAdmin: boolean;
}

interface AgentConfig {
  /** undefined: there is none, and people play alone. */
  readonly command: Command | undefined;
  /** How many of the players online are the agent, not people. */
  readonly players: number;
  /** Where people take part who are not in the game. */
  readonly dashboardPorts: readonly number[];
}

/** What ends a session that nobody ends; undefined: never. */
interface LimitsConfig {
  readonly joinTimeoutMs: number | undefined;
  readonly emptyTimeoutMs: number | undefined;
  readonly maxDurationMs: number | undefined;
}

interface StopConfig {
  /** Time from the first stop step to SIGKILL, of all processes but the server. */
  readonly graceMs: number;
  /** ECS stopTimeout: time from SIGTERM to the SIGKILL of the container. */
  readonly timeoutMs: number;
}

/** Where archives go. `inside` is the working directory itself: CRAFTASSIST_NO_UPLOAD. */
export type DestinationUrl =
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'inside'; readonly path: string };

export interface SaveConfig {
  readonly destination: DestinationUrl;
  readonly fallback: DestinationUrl | undefined;
  /** The template of the archive's folder, see key-template.ts. */
  readonly key: string;
  /** The experiment's id, where the working directory does not tell. */
  readonly experiment: string | undefined;
  readonly timeoutMs: number;
  /** An upload whose bytes have not moved for so long is started again. */
  readonly stallMs: number;
  readonly archiveName: string;
  readonly codec: Codec;
  /** 1 to 9. */
  readonly gzipLevel: number;
  readonly deflate: Deflate;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly s3: S3Config;
}

export type Codec = 'none' | 'gzip' | 'zstd';

/** What compresses gzip: see archive/deflate-choice.ts. */
export type Deflate = 'auto' | 'isal' | 'zlib';

/** What the standard AWS variables do not say. */
export interface S3Config {
  readonly pathStyle: boolean;
  readonly encryption:
    | { readonly algorithm: 'AES256' | 'aws:kms'; readonly kmsKeyId: string | undefined }
    | undefined;
  readonly expectedOwner: string | undefined;
  readonly proxy?: ProxyConfig | undefined;
}

interface JournalConfig {
  /** undefined: no journal. */
  readonly intervalMs: number | undefined;
  readonly exclude: readonly string[];
}

/** How others learn how the session goes; undefined: not in this way. URLs are as secret as the secret. */
export interface MonitoringConfig {
  readonly webhook: WebhookConfig | undefined;
  /** A dead-man switch: paths are appended to it. */
  readonly heartbeatUrl: string | undefined;
  /** Where metrics are to be had. */
  readonly metricsAddress: ListenAddress | undefined;
}

export interface WebhookConfig {
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
}

export interface ListenAddress {
  /** undefined: all addresses of this machine. */
  readonly host: string | undefined;
  readonly port: number;
}

export interface ChildrenConfig {
  /** The environment that every child gets: no credentials, no variables of the launcher's. */
  readonly env: Readonly<Record<string, string>>;
  /** Whom they run as; undefined: as the supervisor does. */
  readonly user: ChildUser | undefined;
  readonly echo: readonly ChildName[];
}

/** A user that the system knows by name, or numbers. */
export type ChildUser =
  | { readonly name: string }
  | { readonly uid: number; readonly gid: number | undefined };

export type ChildName = 'setup' | 'server' | 'agent';
