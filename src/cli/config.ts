import { describeDefault, type Variable } from '../config/define.ts';
import { LAUNCHER_SCRIPT, readLauncherScript } from '../config/launcher-script.ts';
import type { SessionConfig } from '../config/session-config.ts';
import { SESSION_GROUPS } from '../config/session-variables.ts';
import { EXIT_USAGE } from '../runtime/exit-codes.ts';
import { type CommandInput, type RunCommand, readConfig } from './command.ts';

/** Prints the configuration in force, secrets masked, and where each value came from. */
export const config: RunCommand = async input => {
  const parsed = readConfig(input);
  if (parsed === undefined) return EXIT_USAGE;
  const said = readLauncherScript(input.env).values;
  for (const [title, variables] of Object.entries(SESSION_GROUPS)) {
    input.print(`\n# ${title}`);
    for (const [name, variable] of Object.entries(variables)) {
      input.print(
        said[name] === undefined
          ? line(name, variable, parsed.config, input)
          : `${name}=${said[name]}  # ${LAUNCHER_SCRIPT}`,
      );
    }
  }
  input.print('\n# AWS');
  for (const [name, value] of Object.entries(input.env).sort()) {
    if (name.startsWith('AWS_')) input.print(`${name}=${isSecret(name) ? MASK : value}  # environment`);
  }
  for (const notice of parsed.notices) input.printError(notice);
  return 0;
};

const MASK = '********';

/** Everything of AWS's that is not known to be harmless. */
function isSecret(name: string): boolean {
  return !/^AWS_(?:(?:DEFAULT_)?REGION|PROFILE|ENDPOINT_URL(?:_S3)?|REQUEST_CHECKSUM_CALCULATION)$/.test(
    name,
  );
}

function line(name: string, variable: Variable, config: SessionConfig, { env }: CommandInput): string {
  const given = env[name];
  if (given && variable.secret) return `${name}=${MASK}  # environment`;
  if (given || (given === '' && variable.acceptsEmpty)) return `${name}=${given}  # environment`;
  return `${name}=${inForce(name, config) ?? describeDefault(variable)}  # default`;
}

/** Defaults that depend on the moment, the place or the other values. */
function inForce(
  name: string,
  { timestamp, workdir, agent, limits, server, children }: SessionConfig,
): string | undefined {
  const duration = (ms: number | undefined) => (ms === undefined ? 'off' : `${ms / 1_000}s`);
  switch (name) {
    case 'TIMESTAMP':
      return timestamp;
    case 'SESSION_WORKDIR':
      return workdir;
    case 'SESSION_JOIN_TIMEOUT':
      return duration(limits.joinTimeoutMs);
    case 'SESSION_EMPTY_TIMEOUT':
      return duration(limits.emptyTimeoutMs);
    case 'SESSION_ECHO':
      return children.echo.join(',') || 'none';
    case 'SESSION_AGENT_COMMAND':
      return agent.command?.join(' ');
    case 'SESSION_CUBERITE_HOME':
      return server.run.kind === 'cuberite' ? server.run.home : undefined;
    case 'SESSION_CUBERITE_BINARY':
      return server.run.kind === 'cuberite' ? server.run.binary : undefined;
    default:
      return undefined;
  }
}
