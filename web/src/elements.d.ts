import 'svelte/elements';

declare module 'svelte/elements' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- the parameter belongs to the interface that is merged
  interface HTMLAttributes<T> {
    /** Keeps media-chrome from hiding the element together with the controls. */
    noautohide?: boolean | '';
  }
}
