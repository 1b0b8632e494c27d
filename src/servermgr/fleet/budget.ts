import type { Log } from '../../runtime/log.ts';
import type { Admissions, Spending } from '../database/admission.ts';

/** The day's money, and a warning when little is left of it. */
export interface Budget {
  /** undefined: there is no budget, or it cannot be asked for. */
  spending(): Promise<Spending | undefined>;
  /** Logs that little is left: once a day, and by each instance. */
  warn(): Promise<void>;
}

const DAY_MS = 86_400_000;
const WARN_SHARE = 0.8;

/** Whether little is left of the day's money. */
export function isNearlySpent({ atMost, budget }: Spending): boolean {
  return atMost >= WARN_SHARE * budget;
}

export function createBudget(admissions: Admissions, log: Log): Budget {
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  const spending = () => admissions.spending(Date.now()).catch(() => undefined);

  return {
    spending,
    async warn() {
      const now = await spending();
      if (now === undefined || !isNearlySpent(now) || Date.now() - warnedAtMs < DAY_MS) return;
      const { atMost, budget } = now;
      warnedAtMs = Date.now();
      log.warn(
        { event: 'budget_nearly_spent', atMost, budget },
        `the sessions of today cost up to $${atMost.toFixed(2)} of $${budget.toFixed(2)}: launches stop before it is exceeded`,
      );
    },
  };
}
