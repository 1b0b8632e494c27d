import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { eventually } from '../../support/eventually.ts';
import { joinGame } from '../../support/player.ts';

/** What somebody does who takes part, besides what everybody does. */
export type Manner =
  | 'ordinary'
  /** Each button twice. */
  | 'double-clicks'
  /** Their browser is restarted while they wait, and they open their link again. */
  | 'comes-back'
  /** Their address is forged. */
  | 'forged'
  /** Inside a frame, without cookies. */
  | 'in-a-frame'
  | 'never-joins'
  /** Their session's machine dies. */
  | 'dies'
  /** They come when all seats are taken. */
  | 'surplus';

export interface Person {
  readonly name: string;
  readonly manner: Manner;
  /** What they open. */
  readonly link: string;
}

/** What somebody has seen in the end. */
export interface Seen {
  readonly title: string;
  readonly code: string | undefined;
}

export interface Stage {
  readonly browser: Browser;
  /** Everybody has a seat who gets one, and whoever comes then gets none. */
  readonly allSeated: () => Promise<unknown>;
  /** The machine of their session dies. */
  readonly kill: (person: Person) => Promise<void>;
}

const PATIENCE_MS = 240_000;
const AGAIN_MS = 10_000;
/** So long they play: the study asks for less. */
const PLAY_MS = 7_000;

/** The whole way of one person, from the link to what they see at the end. */
export async function takePart(person: Person, stage: Stage): Promise<Seen> {
  const { manner } = person;
  if (manner === 'surplus') await stage.allSeated();
  await using visit = await newVisit(stage.browser, person);
  if (manner === 'forged') {
    await visit.press('I agree', true);
    return visit.seen();
  }
  await visit.press('I agree');
  if (manner === 'surplus') return visit.seen('All places are taken');
  await visit.title('What you will do');
  await stage.allSeated();
  await visit.press('Start my server');
  if (manner === 'comes-back') {
    await visit.title(/place is being found|Your server/);
    await visit.restart();
  }
  await visit.title('Your server is ready');
  if (manner === 'never-joins') return visit.seen('Your session is over');
  const address = await visit.address();
  const port = Number(address.split(':')[1]);
  const game = joinGame(port);
  if (manner === 'dies') {
    await visit.text('1 person');
    await stage.kill(person);
    return visit.seen('Sorry, something broke');
  }
  await visit.text('1 person');
  await new Promise(resolve => setTimeout(resolve, PLAY_MS));
  game.destroy();
  await visit.title('Thank you for taking part');
  if (manner !== 'in-a-frame') return visit.seen();
  const { title } = await visit.seen();
  await visit.press('Submit the HIT');
  await visit.title('The HIT was submitted');
  return { title, code: undefined };
}

/** Whoever sits before a page that came broken off, or a proxy's, loads it anew after a while. */
async function isThere(button: Locator): Promise<boolean> {
  return button.waitFor({ timeout: AGAIN_MS }).then(
    () => true,
    () => false,
  );
}

interface Visit extends AsyncDisposable {
  /** Presses a button; what keeps it from being there is a page that is loaded anew. @param unless its absence is fine */
  press(button: string, unless?: boolean): Promise<void>;
  title(expected: string | RegExp): Promise<void>;
  text(expected: string): Promise<void>;
  address(): Promise<string>;
  /** @param title that is waited for */
  seen(title?: string): Promise<Seen>;
  restart(): Promise<void>;
}

async function newVisit(browser: Browser, { link, manner }: Person): Promise<Visit> {
  let context: BrowserContext;
  let page: Page;
  const isFramed = manner === 'in-a-frame';

  async function open(): Promise<void> {
    context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1_000, height: 800 } });
    page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    // An instance that is killed while it answers breaks the answer off: people open their link again.
    await eventually(
      async () => (await page.goto(link, { waitUntil: 'domcontentloaded' }))?.status() !== 502,
      {
        timeoutMs: PATIENCE_MS,
      },
    );
  }

  const inside = () => (isFramed ? page.frameLocator('iframe') : page.locator('body'));

  await open();
  return {
    async press(button, unless = false) {
      const found = inside().getByRole('button', { name: button });
      if (unless && (await found.count()) === 0) return;
      while (!(await isThere(found))) await page.goto(link).catch(() => undefined);
      if (manner === 'double-clicks') await found.dblclick({ noWaitAfter: true });
      else await found.click({ noWaitAfter: true });
    },
    async title(expected) {
      await inside().getByRole('heading', { level: 1, name: expected }).waitFor();
    },
    async text(expected) {
      await inside().getByText(expected).first().waitFor();
    },
    address: async () => (await inside().getByLabel('Address').textContent()) ?? '',
    async seen(title) {
      if (title !== undefined) await inside().getByRole('heading', { level: 1, name: title }).waitFor();
      const code = inside().getByLabel('Your code');
      return {
        title: (await inside().getByRole('heading', { level: 1 }).textContent()) ?? '',
        code: (await code.count()) > 0 ? ((await code.textContent()) ?? undefined) : undefined,
      };
    },
    async restart() {
      await context.close();
      await open();
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}
