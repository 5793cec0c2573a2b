/**
 * An `Intl.Segmenter` that loads ICU's data with its first use, a third of the start of Node. effect/cli creates one when it is loaded and most commands
 * never use it, so `bundle.ts` puts this class in place of `Intl.Segmenter`.
 */
const { Segmenter } = globalThis.Intl

export class LazySegmenter {
  readonly #make: () => Intl.Segmenter
  #segmenter: Intl.Segmenter | undefined

  constructor(locales?: Intl.LocalesArgument, options?: Intl.SegmenterOptions) {
    this.#make = () => new Segmenter(locales, options)
  }

  segment(text: string): Intl.Segments {
    this.#segmenter ??= this.#make()
    return this.#segmenter.segment(text)
  }
}
