/** The small grammars below the pods: Go's values and flags, queries, addresses, the shell. Fuzzed where they read text of strangers. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expandPortRange, formatHostPort, parseHostPort } from '../../../src/discovery/address.ts'
import { gostFacts, gostFactsOfArgv } from '../../../src/discovery/container.ts'
import { expand } from '../../../src/discovery/expand.ts'
import { parseGoFlags } from '../../../src/discovery/go-flags.ts'
import { parseBool, parseDurationMs, parseInteger, parseUuid } from '../../../src/discovery/go-values.ts'
import {
  getBool,
  getDurationMs,
  getInteger,
  getString,
  GoFloat,
  type Params,
  parseQuery,
  routeByPrefix
} from '../../../src/discovery/param.ts'
import { noSources } from '../../../src/discovery/pod-spec.ts'
import { peerOfImage } from '../../../src/discovery/program.ts'
import { readScript } from '../../../src/discovery/shell.ts'
import { splitWorkers } from '../../../src/discovery/split-workers.ts'

describe("Go's values", () => {
  it.each([
    ['1h2m3.5s', 3_723_500],
    ['-1.5s', -1_500],
    ['100ms', 100],
    ['2us', 0.002],
    ['.5s', 500],
    ['15', 0],
    ['1d', 0],
    ['', 0]
  ])('reads the duration %s as %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBeCloseTo(ms, 6)
  })

  it('reads booleans and integers as Go does, and nothing else', () => {
    expect(['1', 't', 'T', 'TRUE', 'true', 'True'].map(parseBool)).toEqual(Array(6).fill(true))
    expect(['yes', 'on', 'tRue', '', '0'].map(parseBool)).toEqual(Array(5).fill(false))
    expect(['7', '-7', '+7', '7.0', ' 7', '0x7'].map(parseInteger)).toEqual([7, -7, 7, 0, 0, 0])
  })

  it('refuses the zero UUID and near misses', () => {
    expect(parseUuid('00000000-0000-0000-0000-000000000000')).toBeUndefined()
    expect(parseUuid('10bc451e-59dc-4c70-999e-91a30813ac7')).toBeUndefined()
    expect(parseUuid('10bc451e_59dc_4c70_999e_91a30813ac78')).toBeUndefined()
  })
})

describe('parameters', () => {
  it('counts a JSON number as text only', () => {
    const params: Params = new Map([['n', new GoFloat(255)]])
    expect([getString(params, 'N'), getInteger(params, 'n'), getDurationMs(params, 'n'), getBool(params, 'n')]).toEqual([
      '255',
      0,
      0,
      false
    ])
  })

  it('reads a bare integer as seconds, from text and from YAML', () => {
    expect(getDurationMs(new Map([['t', '20']]), 't')).toBe(20_000)
    expect(getDurationMs(new Map([['t', 20]]), 't')).toBe(20_000)
  })

  it('sends what has no prefix everywhere, and lets the prefixed value win in its part', () => {
    const routed = routeByPrefix(parseQuery('b.x=1&x=2&a.y=3'), ['a', 'b'])
    expect([...routed.a]).toEqual([
      ['x', '2'],
      ['y', '3']
    ])
    expect([...routed.b]).toEqual([['x', '1']])
  })

  it('never throws on a query, and keeps first values', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
        for (const [key, value] of parseQuery(`${text}&k=first&k=second`))
          expect([key === 'k' ? value : '', 'first']).not.toContain('second')
      }),
      { numRuns: 200 }
    )
  })
})

describe('flags', () => {
  it('stops at a lone dash, a word, or two dashes, and keeps the rest', () => {
    expect(parseGoFlags(['-L', 'a', '--', '-L', 'b'])).toMatchObject({ listen: ['a'], rest: ['-L', 'b'], problems: [] })
    expect(parseGoFlags(['-L', 'a', '-', '-L', 'b'])).toMatchObject({ listen: ['a'], rest: ['-', '-L', 'b'] })
  })

  it('names a flag without a value', () => {
    expect(parseGoFlags(['-D', '-F'])).toMatchObject({ forward: [], problems: ['-F has no value'] })
  })

  it('takes the word behind a flag whatever it looks like', () => {
    expect(parseGoFlags(['-L', '-F', '-C=a=b'])).toMatchObject({ listen: ['-F'], config: ['a=b'] })
  })
})

describe('workers', () => {
  it('are the parts between lone double dashes', () => {
    expect(splitWorkers(['-L', 'a', '--', '-L', 'b c'])).toEqual([
      ['-L', 'a'],
      ['-L', 'b c']
    ])
  })

  it('are one without a separator, or with one at the end', () => {
    expect(splitWorkers(['-L', 'a  b'])).toEqual([['-L', 'a  b']])
    expect(splitWorkers(['-L', 'a', '--'])).toEqual([['-L', 'a', '--']])
  })

  it('break a word with two spaces apart once there is a separator, as gost does', () => {
    expect(splitWorkers(['-L', 'a  b', '--', '-D'])).toEqual([['-L', 'a', 'b'], ['-D']])
  })
})

describe('addresses', () => {
  it('read host and port, and nothing without a port', () => {
    expect([':80', 'a:1', '[::1]:2'].map(parseHostPort)).toEqual([
      { host: '', port: 80 },
      { host: 'a', port: 1 },
      { host: '::1', port: 2 }
    ])
    expect(['a', '', 'a:b', 'a:70000', '::1:2'].map(parseHostPort)).toEqual(Array(5).fill(undefined))
    expect(formatHostPort({ host: '::1', port: 2 })).toBe('[::1]:2')
  })

  it('expand ranges, within bounds', () => {
    expect(expandPortRange(':8000-8002')).toEqual([':8000', ':8001', ':8002'])
    expect(expandPortRange('a:x')).toEqual(['a:0'])
    expect(expandPortRange(':0-65535')).toHaveLength(1_024)
  })
})

it.each([
  ['gogost/gost', 'gost'],
  ['gogost/gost:3.2.6', 'gost'],
  ['registry:5000/team/my-gost', 'gost'],
  ['ghcr.io/x/gost@sha256:00', 'gost'],
  ['kubectl-intercept:dev', 'ours'],
  ['ghostscript:1', undefined],
  ['gostatic', undefined],
  ['nginx:alpine', undefined]
])('image %s is %s', (image, peer) => {
  expect(peerOfImage(image)).toBe(peer)
})

describe('the shell', () => {
  const read = (script: string, variables: Record<string, string> = {}, positional = ['sh']): string[][] | undefined =>
    readScript(script, {
      lookup: name => (Object.hasOwn(variables, name) ? { text: variables[name] ?? '' } : undefined),
      positional,
      onUnknown: () => {}
    })

  it.each([
    ['a \'b c\' "d $X" e\\ f', [['a', 'b c', 'd 1 2', 'e f']]],
    ['a $X b', [['a', '1', '2', 'b']]],
    ['a p$X', [['a', 'p1', '2']]],
    ['a "" \'\' $NONE b', [['a', '', '', 'b']]],
    ['a "$NONE"', [['a', '']]],
    ['a ${X} ${NONE:-d e} "${NONE-x}" ${EMPTY:-y} "${EMPTY-z}"', [['a', '1', '2', 'd', 'e', 'x', 'y', '']]],
    ['A=1; B=$A; a $A$B', [['a', '11']]],
    ['A=1 a $A', [['a']]],
    ['a # b\nc', [['a'], ['c']]],
    ['a#b', [['a#b']]],
    ['a && b || c & d | e; f', [['a'], ['b'], ['c'], ['d'], ['e'], ['f']]],
    ['a > /x 2>&1 < y b', [['a', 'b']]],
    ['a \\\n b', [['a', 'b']]],
    ['exec a; b', [['a']]],
    ['a "$(x y)"', [['a', '$(xy)']]],
    ['a "\\$X \\" \\n"', [['a', '$X " \\n']]],
    ['if a; then b; fi', undefined],
    ['(a)', undefined],
    ['a <<E\nE', undefined],
    ['a "b', undefined],
    ['a ${X%y}', undefined]
  ])('reads %j', (script, commands) => {
    expect(read(script, { X: '1 2', EMPTY: '' })).toEqual(commands)
  })

  it('passes arguments one by one', () => {
    expect(read('a "$@" $1 "$*"', {}, ['sh', 'b c', 'd'])).toEqual([['a', 'b c', 'd', 'b', 'c', 'b c d']])
    expect(read('a "$@"', {}, ['sh'])).toEqual([['a']])
  })

  it('ends on any text', () => {
    const piece = fc.oneof(
      fc.constantFrom('"', "'", '$', '`', '\\', '(', ')', '{', '}', ' ', '\n', ';', '&', '<', '>', '#', 'a', '$X', '${'),
      fc.string({ maxLength: 3 })
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
        const commands = read(pieces.join(''), { X: 'x y' })
        expect(commands === undefined || commands.every(words => words.length > 0)).toBe(true)
      }),
      { numRuns: 200 }
    )
  })
})

describe("kubelet's expansion", () => {
  it('leaves what it does not know, and takes double dollars as one', () => {
    const lookup = (name: string) => (name === 'A' ? { text: 'x$(A)' } : undefined)
    expect(expand('$(A) $$(A) $$$(A) $(B) $A $ $( $()', lookup)).toBe('x$(A) $(A) $x$(A) $(B) $A $ $( $()')
  })
})

describe('a container', () => {
  it('of any arguments is read without an exception', () => {
    const word = fc.oneof(
      fc.constantFrom(
        '-L',
        '-F',
        '-C',
        '--',
        'rtcp://:0/:80',
        'tunnel+ws://p:1?tunnel.id=x',
        '{"services":[{}]}',
        '{"a":',
        '{}',
        '{"services":[null,1,{"handler":[]}]}'
      ),
      fc.string({ maxLength: 20 })
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), args => {
        const container = { name: 'gost', image: 'gogost/gost', args }
        const facts = gostFacts({ containers: [container] }, container, noSources)
        expect(facts.otherwise).toBeUndefined()
        for (const fact of facts.sidecars) expect(fact.weight).toBeGreaterThan(0)
      }),
      { numRuns: 200 }
    )
  })

  it('is not needed for a bare command line', () => {
    const files: Record<string, string> = { '/g.yaml': '{services: [{addr: ":1", handler: {type: tunnel, metadata: {entrypoint: ":2"}}}]}' }
    const facts = gostFactsOfArgv(['-C', '/g.yaml'], path =>
      files[path] === undefined ? { problem: 'does not exist' } : { text: files[path] ?? '' }
    )
    expect(facts).toMatchObject({ servers: [{ port: 1, peer: 'ours', entrypoints: [{ port: 2 }] }], problems: [] })
    expect(gostFactsOfArgv(['-C', '/none.yaml'], () => ({ problem: 'does not exist' })).problems).toEqual(['-C /none.yaml does not exist'])
  })
})
