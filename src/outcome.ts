/** How a child ended. A spawn that failed is an ending too. */
export type ChildExit =
  | { readonly code: number }
  | { readonly signal: NodeJS.Signals }
  | { readonly failedToStart: string };
