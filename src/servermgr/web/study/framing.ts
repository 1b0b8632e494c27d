import type { MturkOrigins } from '../../../config/servermgr-config.ts';
import { contentPolicy } from '../content-policy.ts';

/** Security headers of a study's pages: unlike all others they may lie in a frame, that of MTurk's workers. */
export function framedBy({ parents, forms }: MturkOrigins) {
  return {
    // The older header knows no lists.
    frameguard: false,
    contentSecurityPolicy: contentPolicy({
      formAction: ["'self'", ...forms],
      frameAncestors: ["'self'", ...parents],
    }),
  };
}
