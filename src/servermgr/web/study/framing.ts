import type { MturkOrigins } from '../../../config/servermgr-config.ts';

/** Security headers of a study's pages: unlike all others they may lie in a frame, that of MTurk's workers. */
export function framedBy({ parents, forms }: MturkOrigins) {
  return {
    // The older header knows no lists.
    frameguard: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'", ...forms],
        baseUri: ["'none'"],
        frameAncestors: ["'self'", ...parents],
      },
    },
  };
}
