/** The screen on Ink: draws the lines that it is told, and says which keys were pressed. */
import { Box, Text, useInput, usePaste, useWindowSize } from 'ink'
import { memo, useSyncExternalStore } from 'react'
import type { Controller } from './controller.ts'
import { keyNames } from './key-name.ts'
import type { Line, Span } from './line.ts'

/** Another `generation` draws every line anew. */
export function App({ controller, colorless, generation }: { controller: Controller; colorless: boolean; generation: number }) {
  const size = useWindowSize()
  const { lines } = useSyncExternalStore(
    listener => controller.onFrame(listener),
    () => controller.screenFor(size)
  )
  useInput((input, key) => {
    for (const name of keyNames(input, key)) controller.key(name)
  })
  usePaste(text => controller.key(text))
  return (
    <Box key={generation} flexDirection="column" width={size.columns} height={size.rows}>
      {lines.map((line, index) => (
        // A line has no identity but its place on the screen.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <Row key={index} line={line} colorless={colorless} />
      ))}
    </Box>
  )
}

/** Drawn again only when it looks different. */
const Row = memo(
  ({ line, colorless }: { line: Line; colorless: boolean }) => (
    <Text wrap="truncate">
      {line.map((span, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: spans too are known by their place
        <Text key={index} {...styleOf(span, colorless)}>
          {span.text}
        </Text>
      ))}
    </Text>
  ),
  (before, after) => same(before.line, after.line)
)

function same(before: Line, after: Line): boolean {
  if (before === after) return true
  return before.length === after.length && before.every((span, index) => sameSpan(span, after[index]))
}

const sameSpan = (a: Span, b: Span | undefined): boolean =>
  b !== undefined && a.text === b.text && a.tone === b.tone && a.bold === b.bold && a.inverse === b.inverse

/** Without colours the marks and words say it all; bold and inverse are none. */
function styleOf({ tone, bold = false, inverse = false }: Span, colorless: boolean) {
  return { bold, inverse, ...(tone === undefined || colorless ? {} : { color: tone }) }
}
