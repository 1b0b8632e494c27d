/** What endpoints of webhooks can be told. */
export const WEBHOOK_EVENTS = [
  'session.started',
  'session.ready',
  'session.ended',
  'session.failed',
  'session.lost',
  'budget.warning',
] as const;

export type WebhookEventType = (typeof WEBHOOK_EVENTS)[number];
