/** Puts it into `directory`, in place of what is there. */
export declare const bundle: (directory: string) => Promise<void>
//# sourceMappingURL=bundle.d.ts.map
