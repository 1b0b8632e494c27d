/**
 * @module-tag slow
 * @module-tag alone
 */

import { expect, test } from 'vitest';
import { expectAccessible, expectNoSidewaysScrolling } from './support/accessibility.ts';
import { openPage, useBrowser } from './support/browser.ts';
import { startWebApp } from './support/web-app.ts';

useBrowser();

const LONG =
  'A landscape of hills, trees and water, with a village at its river, which the agent knows: go there. ';
const world = (index: number, isLong: boolean) => ({
  id: `world-${index}`,
  title: isLong
    ? `World ${index} of the Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz`
    : `World ${index}`,
  text: isLong ? LONG.repeat(4) : index % 2 === 0 ? '' : LONG,
});

test.for([2, 3, 5, 12].flatMap(count => [false, true].map(isLong => [count, isLong] as const)))(
  'a choice of %i worlds can be read and pressed at every width (long texts: %s)',
  async ([count, isLong]) => {
    const worlds = Array.from({ length: count }, (_, index) => world(index, isLong));
    await using app = await startWebApp({}, { SERVERMGR_WORLDS: JSON.stringify(worlds) });
    await using visit = await openPage(app.url);
    const { page } = visit;
    for (const width of [320, 768, 1_280]) {
      await page.setViewportSize({ width, height: 720 });
      for (const radio of await page.getByRole('radio').all()) {
        const box = await radio.boundingBox();
        expect(box?.width).toBeGreaterThan(18);
        expect(box?.height).toBe(box?.width);
      }
      const cards = await page.locator('.world').all();
      for (const card of cards) expect((await card.boundingBox())?.width).toBeGreaterThan(230);
      await cards.at(-1)?.click();
      expect(await page.getByRole('radio').last().isChecked()).toBe(true);
      await expectNoSidewaysScrolling(page);
    }
    if (count === 5) await expectAccessible(page);
    expect(visit.faults).toEqual([]);
  },
);
