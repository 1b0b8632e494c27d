import type { Browser, Locator } from 'playwright-core';
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

const PATIENCE_MS = 150_000;
const AGAIN_MS = 5_000;
const BROWSER = { ignoreHTTPSErrors: true, viewport: { width: 1_000, height: 800 } };
/** So long they play: the study asks for less. */
const PLAY_MS = 7_000;

/** @returns what they see who get no seat; undefined: they have one */
export async function agree(person: Person, browser: Browser): Promise<Seen | undefined> {
  await using visit = await newVisit(browser, person);
  if (person.manner === 'forged') {
    if (await visit.offers('I agree')) await visit.press('I agree');
    await visit.title(/not valid|not eligible/);
    return await visit.seen();
  }
  await visit.press('I agree');
  if (person.manner === 'surplus') return await visit.seen('All places are taken');
  await visit.title('What you will do');
  return undefined;
}

/**
 * The way of somebody who has a seat, from their link on, which they open again.
 * @param kill the machine of their session dies
 */
export async function play(person: Person, browser: Browser, kill: () => Promise<void>): Promise<Seen> {
  const { manner } = person;
  await using visit = await newVisit(browser, person);
  await visit.press('Start my server');
  if (manner === 'comes-back') {
    await visit.title(/place is being found|Your server/);
    await visit.restart();
  }
  await visit.title('Your server is ready');
  if (manner === 'never-joins') return await visit.seen('Your session is over');
  if (manner === 'dies') {
    // Before they join: whoever has played for as long as the study asks has finished, whatever comes after.
    await kill();
    return await visit.seen('Sorry, something broke');
  }
  const game = joinGame(Number((await visit.address()).split(':')[1]));
  await visit.text('1 person');
  await new Promise(resolve => setTimeout(resolve, PLAY_MS));
  game.destroy();
  const seen = await visit.seen('Thank you for taking part');
  if (manner !== 'in-a-frame') return seen;
  await visit.press('Submit the HIT');
  await visit.title('The HIT was submitted');
  return seen;
}

interface Visit extends AsyncDisposable {
  offers(button: string): Promise<boolean>;
  press(button: string): Promise<void>;
  title(expected: string | RegExp): Promise<void>;
  text(expected: string): Promise<void>;
  address(): Promise<string>;
  /** @param title that is waited for */
  seen(title?: string): Promise<Seen>;
  restart(): Promise<void>;
}

async function newVisit(browser: Browser, { link, manner }: Person): Promise<Visit> {
  let context = await browser.newContext(BROWSER);
  let page = await context.newPage();
  let pressed: Locator | undefined;

  const inside = () => (manner === 'in-a-frame' ? page.frameLocator('iframe') : page.locator('body'));
  const heading = (name: string | RegExp) => inside().getByRole('heading', { level: 1, name });
  // A proxy's page is none of ours.
  const open = () => page.goto(link, { waitUntil: 'domcontentloaded' }).catch(() => undefined);

  /**
   * An instance that is killed breaks its answers off: people open their link again, and press again what is there
   * still.
   */
  async function wait(target: Locator): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    while (!(await isThere(target))) {
      if (performance.now() > endMs)
        throw new Error(`${target} is not there: ${await page.innerText('body')}`);
      const isOurs = (await inside().locator('header.top').count()) > 0;
      if (!isOurs) await open();
      else if (pressed !== undefined && (await pressed.isVisible())) await click(pressed);
    }
  }

  async function click(button: Locator): Promise<void> {
    pressed = button;
    const options = { noWaitAfter: true, timeout: AGAIN_MS };
    // What is replaced by another page at that moment is not there any more.
    await (manner === 'double-clicks' ? button.dblclick(options) : button.click(options)).catch(
      () => undefined,
    );
  }

  await open();
  return {
    offers: async button => (await inside().getByRole('button', { name: button }).count()) > 0,
    async press(name) {
      const button = inside().getByRole('button', { name });
      pressed = undefined;
      await wait(button);
      await click(button);
    },
    title: expected => wait(heading(expected)),
    text: expected => wait(inside().getByText(expected).first()),
    address: async () => (await inside().getByLabel('Address').textContent()) ?? '',
    async seen(title) {
      await wait(heading(title ?? /./));
      const code = inside().getByLabel('Your code');
      if (title !== undefined && manner !== 'in-a-frame') await wait(code);
      return {
        title: (await heading(/./).textContent()) ?? '',
        code: (await code.count()) > 0 ? ((await code.textContent()) ?? undefined) : undefined,
      };
    },
    async restart() {
      await context.close();
      context = await browser.newContext(BROWSER);
      page = await context.newPage();
      pressed = undefined;
      await open();
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

async function isThere(target: Locator): Promise<boolean> {
  return target.waitFor({ timeout: AGAIN_MS }).then(
    () => true,
    () => false,
  );
}
