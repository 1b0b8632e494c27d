import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** All rules of axe but those of WCAG's level AAA and of its experiments: https://dequeuniversity.com/rules/axe/ */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const WIDTHS = [320, 1_280] as const;
const SCHEMES = ['light', 'dark'] as const;

/** Asserts that axe finds nothing on a page, and that it scrolls down alone: narrow and wide, light and dark. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const width of WIDTHS)
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize({ width, height: 720 });
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
      const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
      expect(found, `${page.url()} at ${width} px, ${colorScheme}`).toEqual([]);
      await expectNoSidewaysScrolling(page);
    }
}

/** Asserts that nothing is wider than the window. */
export async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  const excess = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect(excess, page.url()).toBeLessThanOrEqual(0);
}
