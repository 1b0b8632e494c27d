/**
 * The content security policy of a page, as helmet takes it: scripts, styles and pictures are our own files.
 * @param varying where its forms go, and who may frame it
 */
export function contentPolicy(varying: { readonly formAction: string[]; readonly frameAncestors: string[] }) {
  return {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      ...varying,
    },
  };
}
