import { existsSync, readFileSync } from 'node:fs';

export interface Deed {
  readonly kind: 'join' | 'leave' | 'chat' | 'hang';
  readonly name: string;
  readonly text: string;
}

/** Calls back for every line that is added to the crowd's file from now on, soon after; names hold no spaces. */
export function watchCrowd(path: string, onDeed: (deed: Deed) => void): void {
  let read = 0;
  setInterval(() => {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    for (const line of lines.slice(read)) {
      read += 1;
      const [, kind, name = '', text = ''] = /^(join|leave|chat|hang) (\S+) ?(.*)$/.exec(line) ?? [];
      if (isKind(kind)) onDeed({ kind, name, text });
    }
  }, 10).unref();
}

function isKind(word: string | undefined): word is Deed['kind'] {
  return word === 'join' || word === 'leave' || word === 'chat' || word === 'hang';
}
