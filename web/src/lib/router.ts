/** Where a path leads. The Go package web serves the client for the same paths. */
export type Route =
  | { page: 'home' }
  | { page: 'watch'; slug: string }
  | { page: 'account'; slug: string }
  | { page: 'missing' };

const channelPath = /^\/c\/([a-z0-9-]{2,40})\/?$/;
const accountPath = /^\/(?:account\/(confirm|reset|forgot|restore)|(signup))\/?$/;

/** match says which page path belongs to. It never throws. */
export function match(path: string): Route {
  if (path === '/') return { page: 'home' };
  const account = accountPath.exec(path);
  const form = account?.[1] ?? account?.[2];
  if (form) return { page: 'account', slug: form };
  const slug = channelPath.exec(path)?.[1];
  return slug ? { page: 'watch', slug } : { page: 'missing' };
}

/** The parts of a click that decide whether the router may take it over. */
export interface LinkClick {
  button: number;
  modified: boolean;
  href: string;
  target: string;
  download: boolean;
}

/** followable returns the path to show for a click on a link, or null when the browser must handle it. */
export function followable(click: LinkClick, origin: string): string | null {
  if (click.button !== 0 || click.modified || click.download) return null;
  if (click.target !== '' && click.target !== '_self') return null;
  const url = new URL(click.href, origin);
  if (url.origin !== origin || match(url.pathname).page === 'missing') return null;
  return url.pathname + url.search + url.hash;
}

/**
 * listen calls show with the present route and again after each change of it,
 * by a click on a link or by the browser's back and forward. It returns a stop function.
 */
export function listen(show: (route: Route) => void): () => void {
  const render = () => show(match(location.pathname));
  const onClick = (event: MouseEvent) => {
    if (event.defaultPrevented) return;
    const link = (event.target as Element).closest?.('a');
    if (!link?.href) return;
    const path = followable(
      {
        button: event.button,
        modified: event.metaKey || event.ctrlKey || event.shiftKey || event.altKey,
        href: link.href,
        target: link.target,
        download: link.hasAttribute('download'),
      },
      location.origin,
    );
    if (path === null) return;
    event.preventDefault();
    if (path !== location.pathname + location.search + location.hash) history.pushState(null, '', path);
    scrollTo(0, 0);
    render();
  };
  addEventListener('click', onClick);
  addEventListener('popstate', render);
  render();
  return () => {
    removeEventListener('click', onClick);
    removeEventListener('popstate', render);
  };
}
