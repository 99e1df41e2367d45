import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { type Expression, type Field, type Pattern, printExpression, SIMPLE_FIELDS } from '../../../src/filter/expression.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import { parseExpression } from '../../../src/filter/parse.ts'

const RUNS = { numRuns: process.env['CI'] === 'true' ? 20_000 : 500 }
/** What makes trouble, more often than by chance. */
const unit = fc.oneof(
  fc.constantFrom('(', ')', '"', "'", '\\', '*', '~', ':', ' ', '\t', '\n', '<', '>', '=', '!', '&', '|', 'x', '/', 'a'),
  fc.constantFrom('and', 'or', 'not', 'status', 'header.', 'é', '🧀'),
  fc.string({ maxLength: 1 })
)
const text = fc.array(unit, { maxLength: 8 }).map(parts => parts.join(''))

const parts: fc.Arbitrary<Pattern> = fc.array(text, { minLength: 1, maxLength: 4 }).map(texts => ({ kind: 'text', parts: texts }))
const regex: fc.Arbitrary<Pattern> = fc
  .constantFrom('a', '^/(a|b)$', 'a b', '\\\\', '\\(', '"', '[")]', '\\d+ "x\\\\"', '(?i)é', 'a\\tb', '\\Qa b\\E')
  .map(source => ({ kind: 'regex', source }))
const status: fc.Arbitrary<Pattern> = fc.oneof(
  fc.constantFrom('404', '5xx', '40x', 'xxx').map(digits => ({ kind: 'digits' as const, text: digits })),
  fc.record({
    kind: fc.constant('compare' as const),
    operator: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
    number: fc.integer({ min: 100, max: 999 })
  })
)
const named = fc.record({
  kind: fc.constantFrom('header' as const, 'response' as const),
  name: fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,9}$/)
})
const simple = fc.constantFrom(...SIMPLE_FIELDS.filter(kind => kind !== 'status' && kind !== 'who'), 'any' as const).map(kind => ({ kind }))
const who: fc.Arbitrary<Pattern> = fc.constantFrom('laptop', 'returned', 'replay').map(word => ({ kind: 'text', parts: [word] }))

const term: fc.Arbitrary<Expression> = fc
  .oneof(
    fc.tuple(fc.oneof<fc.Arbitrary<Field>[]>(named, simple), fc.oneof(parts, regex)),
    fc.tuple(fc.constant<Field>({ kind: 'status' }), fc.oneof(status, regex)),
    fc.tuple(fc.constant<Field>({ kind: 'who' }), fc.oneof(who, regex))
  )
  .map(([field, pattern]) => ({ kind: 'term', at: 0, field, pattern }))

const { expression } = fc.letrec<{ expression: Expression }>(tie => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    term,
    tie('expression').map((part): Expression => ({ kind: 'not', part })),
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('expression'), { minLength: 2, maxLength: 3 }))
      .map(([kind, list]): Expression => ({ kind, parts: list.flatMap(part => (part.kind === kind ? part.parts : [part])) }))
  )
}))

/** Without the places. */
const shape = (tree: Expression): unknown => JSON.parse(JSON.stringify(tree, (key, value: unknown) => (key === 'at' ? undefined : value)))

test.each(['and', 'NOT', 'status:5', 'a:b', 'http://a', '~x', '(', '"', '*', '', ' ', '\\', '\\"', '!', '!a', '&&', '|', 'a&b', 'not(a)'])(
  'a bare word %j is printed so that it stays one',
  word => {
    const tree: Expression = { kind: 'term', at: 0, field: { kind: 'any' }, pattern: { kind: 'text', parts: [word] } }
    expect(shape(parseExpression(printExpression(tree)))).toEqual(shape(tree))
  }
)

test('what a tree prints reads back as the same tree', () => {
  fc.assert(
    fc.property(expression, tree => {
      const printed = printExpression(tree)
      if (printed.length > 4_096) return
      expect(shape(parseExpression(printed))).toEqual(shape(tree))
    }),
    RUNS
  )
})

test('any text is read, or refused with a place, a hint and nothing else', () => {
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 40 }), units => {
      try {
        const filter = parseFilter(units.join(''))
        const subject = { path: '/', header: () => ['a'], responseHeader: () => [] }
        expect(parseFilter(printExpression(parseExpression(filter.text))).matches(subject)).toBe(filter.matches(subject))
      } catch (error) {
        if (!(error instanceof InterceptError)) throw error
        expect(error).toMatchObject({ code: 'BAD_USAGE', hint: expect.stringMatching(/\S/), details: { at: expect.any(Number) } })
      }
    }),
    RUNS
  )
})
