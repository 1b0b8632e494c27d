import { eventually } from '../support/eventually.ts';
import { INSTANCES, type Stage } from './stage.ts';

interface Sessions {
  readonly sessions: readonly { readonly id: string; readonly phase: string }[];
}

const SETTLE_MS = 180_000;

/**
 * Waits until every instance shows all tasks as ready, each has a viewer, and its page shows who takes part.
 * @returns their ids
 */
export async function settle(stage: Stage, tasks: number): Promise<string[]> {
  const ids = (await stage.aws.read()).tasks.flatMap(({ session }) => session ?? []);
  await stage.store.tellPeople(ids);
  for (let instance = 0; instance < INSTANCES; instance += 1) {
    await eventually(
      async () => {
        const { sessions } = await stage.api<Sessions>(instance, '/sessions');
        const ready = sessions.filter(({ phase }) => phase === 'ready').length;
        if (ready < tasks) throw new Error(`${ready} of ${tasks} sessions are ready`);
        return true;
      },
      { timeoutMs: SETTLE_MS },
    );
  }
  for (const [index, id] of ids.entries()) {
    stage.viewers.follow(id, stage.instances[index % INSTANCES]?.url ?? '');
  }
  await eventually(() => {
    const [closed] = stage.viewers.closed();
    if (closed !== undefined) throw new Error(`${closed}`);
    // What sessions tell of their people is read one after the other.
    return ids.every(id => stage.viewers.eventsOf(id).at(-1)?.view.agent);
  });
  return ids;
}
