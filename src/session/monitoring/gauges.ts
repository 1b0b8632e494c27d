import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import { readVersion } from '../../runtime/version.ts';
import type { Phase, SessionStatus } from '../status.ts';

const PHASES = Object.keys({
  preflight: true,
  setup: true,
  starting: true,
  playing: true,
  stopping: true,
  saving: true,
} satisfies Record<Phase, true>);

/** undefined: there is nothing to tell yet, or any more. */
type Value = number | undefined;

/** What is so of a session when somebody asks: docs/monitoring.md lists it. What is not known is left out. */
export function registerGauges(registry: Registry, status: SessionStatus): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => Value) =>
    new Gauge({
      ...{ name: `craftassist_session_${name}`, help, registers },
      collect() {
        const now = value();
        if (now === undefined) this.remove();
        else this.set(now);
      },
    });
  const counter = (name: string, help: string, value: () => Value) =>
    new Counter({
      ...{ name: `craftassist_session_${name}`, help, registers },
      collect() {
        this.reset();
        this.inc(value() ?? 0);
      },
    });

  new Gauge({
    name: 'craftassist_session_build_info',
    help: 'What runs; always 1.',
    labelNames: ['version', 'commit', 'node'],
    registers,
  }).set({ ...readVersion(), node: process.version }, 1);
  new Gauge({
    name: 'craftassist_session_phase',
    help: 'The phase that the session is in: 1, all others are 0.',
    labelNames: ['phase'],
    registers,
    collect() {
      for (const phase of PHASES) this.set({ phase }, phase === status.phase() ? 1 : 0);
    },
  });

  const people = () => {
    const present = status.people();
    return present?.isUnknown === true ? undefined : present;
  };
  gauge('people', 'People who take part now, in the game or at the dashboard.', () => people()?.now);
  gauge('dashboard_people', 'Those of them who are at the dashboard.', () => people()?.dashboard);
  gauge('people_peak', 'The most people who took part at once so far.', () => people()?.peak);
  gauge('server_ticks_per_second', 'Ticks of the world in the last second; 20 where nothing is slow.', () => {
    return status.beat()?.ticks;
  });
  gauge('server_slowest_tick_seconds', 'The longest time between two ticks in the last second.', () => {
    return seconds(status.beat()?.slowestTickMs);
  });

  gauge('journal_lag_seconds', 'The age of the oldest bytes that the journal does not hold yet.', () => {
    return seconds(status.journal()?.lagMs);
  });
  gauge('journal_waiting_bytes', 'What the journal is known to lack.', () => status.journal()?.backlog.bytes);
  gauge('journal_waiting_files', 'In how many files that is.', () => status.journal()?.backlog.files);
  counter('journal_uploaded_bytes_total', 'Uploaded by the journal, compressed.', () => {
    return status.journal()?.bytes;
  });
  counter('journal_failures_total', 'Requests of the journal that failed.', () => status.journal()?.failures);
  gauge('archive_read_bytes', 'Read for the archive so far; of the last attempt.', () => {
    return status.archive()?.bytesRead;
  });
  gauge('archive_written_bytes', 'Compressed and handed to the store so far; of the last attempt.', () => {
    return status.archive()?.bytesOut;
  });
  counter(
    'store_retries_total',
    'Requests to stores that failed and were repeated, each attempt counted.',
    () => {
      return status.requestRetries();
    },
  );
}

function seconds(ms: number | undefined): Value {
  return ms === undefined ? undefined : ms / 1_000;
}
