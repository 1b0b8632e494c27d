import type { Environment } from '../../../config/session-config.ts';
import { type DetachedProcess, startDetached } from '../../../process/child.ts';
import { nameOf } from '../../session-id.ts';
import { dashboardEnvironment, type LaunchRequest } from '../launcher.ts';
import { type LocalRecord, sessionFiles } from './record.ts';

/**
 * Starts the supervisor of a session, unless another instance has: of several that do, one becomes the supervisor.
 * @param env the manager's own
 */
export function startSupervisor(
  record: LocalRecord,
  { command, env, request }: { command: readonly string[]; env: Environment; request: LaunchRequest },
): DetachedProcess {
  const { workdir, output, identity } = sessionFiles(record);
  return startDetached({
    command: ['/bin/sh', '-c', EXEC_WITH_IDENTITY, identity, ...command],
    cwd: workdir,
    env: sessionEnvironment(env, request, record),
    logFile: output,
  });
}

/**
 * The shell writes its identity to $0 before it becomes the supervisor: the process is recorded however early the
 * manager ends. $0 is there at once and whole, or not at all: whoever does not make it is not the supervisor.
 */
const EXEC_WITH_IDENTITY = `
own="$0.$$"
{ cat "/proc/$$/stat" 2>/dev/null || echo "$$"; } > "$own" &&
{ ln "$own" "$0" 2>/dev/null || (set -C; cat "$own" > "$0") 2>/dev/null; } || { rm -f "$own"; exit 75; }
rm -f "$own"
exec "$@"
`;

function sessionEnvironment(
  env: Environment,
  request: LaunchRequest,
  record: LocalRecord,
): Record<string, string> {
  const { id, port, dashboardPort } = record;
  const filled = Object.entries(request.env).map(([name, value]) => [
    name,
    value.replaceAll('{port}', String(port)),
  ]);
  return {
    ...withoutOwn(env),
    ...dashboardEnvironment(dashboardPort),
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_WORKDIR: sessionFiles(record).workdir,
    ...Object.fromEntries(filled),
    // Of the request that has made the record, which may be another one.
    TIMESTAMP: nameOf(id) ?? request.name,
  };
}

const OWN = /^(?:SERVERMGR_|SESSION_|DATABASE_URL$|PORT$|TIMESTAMP$)/;

/** The manager's environment without its own variables, which hold its secrets. */
export function withoutOwn(env: Environment): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OWN.test(entry[0]),
  );
  return Object.fromEntries(kept);
}
