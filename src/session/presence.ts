import { describeAgent, describePeople, type Presence } from '../minecraft/player-count.ts';
import { monitorPlayers, type PlayerMonitor } from '../minecraft/player-monitor.ts';
import { connectionsTo } from '../process/connections.ts';
import { createSocketOwner } from '../process/socket-owner.ts';
import { readTcpTable, type TcpSocket } from '../process/tcp-table.ts';
import type { Log } from '../runtime/log.ts';
import { peopleInGame, warnLateJoiners } from './announcements.ts';
import { readBeats } from './beats.ts';
import type { Dashboard } from './dashboard.ts';
import type { SessionProcesses } from './processes.ts';
import type { SessionRuntime } from './runtime.ts';

/**
 * Begins to count who takes part, in the game and at the dashboard, until an idle limit is reached.
 * @param dashboard is shown what listens, at each look
 * @param over aborted when the session has ended for another reason
 */
export function watchPeople(
  runtime: SessionRuntime,
  processes: SessionProcesses,
  dashboard: Dashboard,
  over: AbortSignal,
): PlayerMonitor {
  const { config, log, user } = runtime;
  const { marker, children, gameServer } = processes;
  const { server, agent, limits } = config;
  const isOwn = createSocketOwner({ user, marker, children });
  let isEstimateTold = false;
  let isFaultTold = false;
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
    visitors: () => visitorsOf(agent.dashboardPorts, dashboard, isOwn),
    ...(gameServer?.beat && { beat: readBeats(gameServer.beat, log) }),
    onChange(people, before) {
      tellAgent(people, before, log);
      tellPeople(people, before, log);
      runtime.status.peopleChanged();
      if (peopleInGame(people) > peopleInGame(before)) warnLateJoiners(runtime, processes);
    },
    onFault(error) {
      if (!isFaultTold) log.error({ event: 'people_not_counted', err: error }, 'people could not be counted');
      isFaultTold = true;
    },
    onEstimate() {
      if (!isEstimateTold) log.info({ event: 'people_estimated', agentPlayers: agent.players }, ESTIMATED);
      isEstimateTold = true;
    },
  });
}

const ESTIMATED =
  'connections do not tell who is online: people are those online but for SESSION_AGENT_PLAYERS';

async function visitorsOf(
  ports: readonly number[],
  dashboard: Dashboard,
  isOwn: (socket: TcpSocket) => Promise<boolean>,
) {
  const table = ports.length > 0 ? await readTcpTable() : undefined;
  if (table === undefined) return undefined;
  dashboard.look(table.listening);
  const found = await Promise.all(ports.map(port => connectionsTo(port, table, isOwn)));
  return new Set(found.flatMap(each => [...(each?.others ?? [])]));
}

function tellAgent({ agentInGame: isIn }: Presence, { agentInGame: wasIn }: Presence, log: Log): void {
  if (isIn === true && wasIn !== true) log.info({ event: 'agent_joined' }, describeAgent(true));
  if (isIn === false && wasIn === true) log.warn({ event: 'agent_left' }, 'the agent has left the game');
}

function tellPeople(people: Presence, before: Presence, log: Log): void {
  const { now, dashboard, unanswered, isUnknown } = people;
  if (unanswered !== undefined) {
    if (before.unanswered !== undefined) return;
    const fields = { event: 'server_unresponsive', why: unanswered.fault } as const;
    log.warn(fields, 'server does not respond');
  } else if (isUnknown) {
    if (!before.isUnknown) log.warn({ event: 'people_unknown' }, describePeople(people));
  } else {
    const isNews = now !== before.now || dashboard !== before.dashboard;
    if (isNews || before.unanswered !== undefined || before.isUnknown)
      log.info({ event: 'players_changed', people: now, dashboard }, describePeople(people));
  }
}
