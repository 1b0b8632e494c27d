import type { ControlHandler } from '../control-socket/server.ts';
import type { Child } from '../process/child.ts';
import type { Phase } from './runtime.ts';

export interface SessionStatus extends ControlHandler {
  enter(phase: Phase): void;
  onConsole(say: Child['sendCommand']): void;
}

/** What a running session tells and takes from those who come through its door. */
export function createStatus(): SessionStatus {
  let phase: Phase | 'preflight' = 'preflight';
  let say: Child['sendCommand'] | undefined;
  return {
    enter(next) {
      phase = next;
    },
    onConsole(console) {
      say = console;
    },
    async sendCommand(line) {
      if (say === undefined) return { ok: false, text: 'the server has not been started yet' };
      const heard = await say(line);
      return heard
        ? { ok: true, text: `said: ${line}` }
        : { ok: false, text: 'the server does not listen any more' };
    },
    health: () => ({ ok: true, text: phase }),
  };
}
