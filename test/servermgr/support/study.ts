import { parse } from 'csv-parse/sync';
import { ADMIN_TOKEN } from './manager.ts';
import { basic, hiddenFields, newVisitor } from './visitor.ts';

/** A study as its form is sent, but for what a test wants otherwise. */
const FIELDS = {
  ...{
    name: 'Building together',
    prolific: 'yes',
    mturk: 'yes',
    world: 'flat_world',
    ids: 'plain',
    minecraftNames: '',
  },
  ...{ lengthMinutes: '30', minimumMinutes: '0', waitMinutes: '15', sessionsPerParticipant: '1', seats: '5' },
  ...{ opens: '', closes: '', retentionDays: '', prolificStudy: '' },
  ...{ consent: '## What it is\n\nYou play.', instructions: 'Open **Minecraft**.' },
  ...{ 'code-finished': 'DONE', 'code-incomplete': 'LEFT', 'code-no-consent': 'NO' },
  ...{ 'code-waited-too-long': 'WAIT', 'code-technical': 'BROKEN', 'code-surplus': 'FULL' },
};

/** The researchers, at /admin/studies. */
export function newResearcher(url: string) {
  const admin = newVisitor(url, { authorization: basic(ADMIN_TOKEN) });

  /** Sends the form of a page, with some of its fields changed. */
  async function send(from: string, to: string, fields: Record<string, string>): Promise<Response> {
    return admin.post(to, { ...(await admin.form(from)), ...fields });
  }

  return {
    ...admin,
    send,
    /** @returns the study's number */
    async create(changes: Record<string, string> = {}): Promise<number> {
      const response = await send('/admin/studies/new', '/admin/studies', { ...FIELDS, ...changes });
      const number = /studies\/(\d+)$/.exec(response.headers.get('location') ?? '')?.[1];
      if (number === undefined) throw new Error(`no study was made: ${await response.text()}`);
      return Number(number);
    },
    change: (study: number, changes: Record<string, string>) =>
      send(`/admin/studies/${study}/edit`, `/admin/studies/${study}`, { ...FIELDS, ...changes }),
    /** Links by participant. */
    async links(study: number, labels: string, days = '30'): Promise<Map<string, string>> {
      const here = `/admin/studies/${study}`;
      const response = await send(here, `${here}/links`, { labels, days });
      const rows: { participant: string; link: string }[] = parse(await response.text(), { columns: true });
      return new Map(rows.map(({ participant, link }) => [participant, link]));
    },
    async export(study: number): Promise<Record<string, string>[]> {
      return parse(await admin.text(`/admin/studies/${study}/participations.csv`), { columns: true });
    },
  };
}

/** A browser without cookies and JavaScript, as it may be in a frame. */
export function newParticipant(url: string) {
  let page = '';
  let status = 0;
  let ticket = '';

  async function take(response: Response): Promise<void> {
    const location = response.headers.get('location');
    if (location !== null) return take(await fetch(new URL(location, url), { redirect: 'manual' }));
    ticket = new URL(response.url).searchParams.get('t') ?? ticket;
    [status, page] = [response.status, await response.text()];
  }

  return {
    /** Opens a link, and follows where it leads. */
    open: async (link: string) => take(await fetch(new URL(link, url), { redirect: 'manual' })),
    /** Sends the form of the page that has a button with that text. */
    async press(button: string): Promise<void> {
      const form = [...page.matchAll(/<form[^>]* action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/g)].find(
        ([, , inner]) => inner?.includes(button),
      );
      if (form === undefined) throw new Error(`no button "${button}" on ${page}`);
      const body = new URLSearchParams(hiddenFields(form[2] ?? ''));
      await take(await fetch(new URL(form[1] ?? '', url), { method: 'POST', body, redirect: 'manual' }));
    },
    /** Loads the page anew. */
    async reload(study: number): Promise<string> {
      await take(await fetch(new URL(`/study/${study}?t=${ticket}`, url), { redirect: 'manual' }));
      return page;
    },
    page: () => page,
    status: () => status,
    ticket: () => ticket,
    title: () => /<h1[^>]*>([^<]*)/.exec(page)?.[1] ?? '',
    code: () => /<output id="code">([^<]*)/.exec(page)?.[1],
  };
}

export type Participant = ReturnType<typeof newParticipant>;

/** Prolific's link for somebody. */
export function prolificLink(study: number, person: string, submission = `s${person}`): string {
  return `/study/${study}?PROLIFIC_PID=${person}&STUDY_ID=study1&SESSION_ID=${submission}`;
}
