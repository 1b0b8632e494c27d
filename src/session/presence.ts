import { describePeople, type Presence } from '../minecraft/player-count.ts';
import { monitorPlayers, type PlayerMonitor } from '../minecraft/player-monitor.ts';
import { connectionsTo } from '../process/connections.ts';
import { createSocketOwner } from '../process/socket-owner.ts';
import { readTcpTable, type TcpSocket } from '../process/tcp-table.ts';
import type { Log } from '../runtime/log.ts';
import { readBeats } from './beats.ts';
import type { SessionProcesses } from './processes.ts';
import type { SessionRuntime } from './runtime.ts';

/**
 * Begins to count who takes part, in the game and at the dashboard, until an idle limit is reached.
 * @param over aborted when the session has ended for another reason
 */
export function watchPeople(
  { config, log, user }: SessionRuntime,
  { marker, children, gameServer }: SessionProcesses,
  over: AbortSignal,
): PlayerMonitor {
  const { server, agent, limits } = config;
  const isOwn = createSocketOwner({ user, marker, children });
  let isEstimateTold = false;
  return monitorPlayers(server.address, {
    agentPlayers: agent.players,
    joinTimeoutMs: limits.joinTimeoutMs,
    emptyTimeoutMs: limits.emptyTimeoutMs,
    livenessTimeoutMs: server.livenessTimeoutMs,
    signal: over,
    async connections() {
      const table = await readTcpTable();
      return table && connectionsTo(server.address.port, table, isOwn);
    },
    visitors: () => visitorsOf(agent.dashboardPorts, isOwn),
    ...(gameServer?.beat && { beat: readBeats(gameServer.beat, log) }),
    onChange: people => tell(people, log),
    onEstimate() {
      if (!isEstimateTold) log.info({ event: 'people_estimated', agentPlayers: agent.players }, ESTIMATED);
      isEstimateTold = true;
    },
  });
}

const ESTIMATED =
  'connections do not tell who is online: people are those online but for SESSION_AGENT_PLAYERS';

async function visitorsOf(ports: readonly number[], isOwn: (socket: TcpSocket) => Promise<boolean>) {
  const table = ports.length > 0 ? await readTcpTable() : undefined;
  if (table === undefined) return undefined;
  const found = await Promise.all(ports.map(port => connectionsTo(port, table, isOwn)));
  return new Set(found.flatMap(each => [...(each?.others ?? [])]));
}

function tell(presence: Presence, log: Log): void {
  const { now, dashboard, unanswered, isUnknown } = presence;
  if (unanswered !== undefined) {
    const fields = { event: 'server_unresponsive', why: unanswered.fault } as const;
    log.warn(fields, 'server does not respond');
  } else if (isUnknown) {
    log.warn({ event: 'people_unknown' }, describePeople(presence));
  } else {
    log.info({ event: 'players_changed', people: now, dashboard }, describePeople(presence));
  }
}
