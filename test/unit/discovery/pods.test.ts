/** Every pod of test/fixtures/pods, against what gost makes of it. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { gostFacts } from '../../../src/discovery/container.ts'
import type { ContainerSpec, ObjectData, PodSpec, Sources, VolumeSpec } from '../../../src/discovery/pod-spec.ts'
import { NOT_FETCHED, type References, referencesOf } from '../../../src/discovery/references.ts'

interface Case {
  title: string
  container?: ContainerSpec
  listen?: string
  forward?: string
  volumes?: VolumeSpec[]
  configMaps?: Record<string, Record<string, string>>
  secrets?: Record<string, Record<string, string>>
  fields?: Record<string, string>
  links?: Record<string, string>
  expect: { sidecars?: object[]; servers?: object[]; problems?: string[]; otherwise?: string; reads?: References }
}

const folder = path.join(import.meta.dirname, '../../fixtures/pods')
const files = readdirSync(folder).map(file => ({ file, cases: parse(readFileSync(path.join(folder, file), 'utf8')) as Case[] }))

function containerOf(given: Case): ContainerSpec {
  if (given.container !== undefined) return given.container
  return { name: 'gost', image: 'gogost/gost', args: ['-L', given.listen ?? 'rtcp://:0/:80', '-F', given.forward ?? ''] }
}

function sourcesOf(given: Case, fetched?: References): Sources {
  const objects =
    (kind: 'configMaps' | 'secrets') =>
    (name: string): ObjectData => {
      if (fetched !== undefined && !fetched[kind].includes(name)) return { problem: NOT_FETCHED }
      if (name === 'locked') return { problem: 'may not be read (forbidden)' }
      const data = given[kind]?.[name]
      return data === undefined ? { problem: 'does not exist' } : { data: new Map(Object.entries(data)) }
    }
  return {
    configMap: objects('configMaps'),
    secret: objects('secrets'),
    field: name => given.fields?.[name],
    serviceVariable: name => given.links?.[name]
  }
}

/** In fixtures null stands for undefined. */
const present = (value: unknown): unknown => {
  if (value === null) return undefined
  if (Array.isArray(value)) return value.map(present)
  return typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, present(item)])) : value
}

/** Asks as resolve does: until nothing new is wanted. */
function referencesInRounds(given: Case, pod: PodSpec, container: ContainerSpec): References {
  const fetched: References = { configMaps: [], secrets: [] }
  for (;;) {
    const more = referencesOf(pod, container, sourcesOf(given, fetched))
    if (more.configMaps.length + more.secrets.length === 0) return fetched
    fetched.configMaps.push(...more.configMaps)
    fetched.secrets.push(...more.secrets)
  }
}

describe.each(files)('$file', ({ cases }) => {
  it.each(cases.map(given => [given.title, given] as const))('%s', (_title, given) => {
    const container = containerOf(given)
    const pod: PodSpec = { containers: [container], volumes: given.volumes }
    const { sidecars, servers, problems, otherwise } = gostFacts(pod, container, sourcesOf(given))
    expect(sidecars).toHaveLength(given.expect.sidecars?.length ?? 0)
    expect(sidecars).toMatchObject((present(given.expect.sidecars) as object[] | undefined) ?? [])
    expect(servers).toHaveLength(given.expect.servers?.length ?? 0)
    expect(servers).toMatchObject((present(given.expect.servers) as object[] | undefined) ?? [])
    expect(problems).toEqual(given.expect.problems ?? [])
    expect(otherwise).toBe(given.expect.otherwise)
    const reads = referencesInRounds(given, pod, container)
    if (given.expect.reads !== undefined) expect(reads).toEqual(given.expect.reads)
  })
})

it('covers every quirk of the grammar that matters', () => {
  expect(files.flatMap(({ cases }) => cases).length).toBeGreaterThanOrEqual(90)
})
