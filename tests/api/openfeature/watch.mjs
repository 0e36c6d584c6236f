// Reads {url, key, flag, contexts}; a static-context client polls and prints, per context in turn, what it
// has and which statuses it got until the server said three times in a row that nothing had changed.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { OpenFeature } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

const { url, key, flag, contexts } = JSON.parse(readFileSync(0, "utf8"));
let statuses = [];
const fetchImplementation = async (...request) => {
  const response = await fetch(...request);
  statuses.push(response.status);
  return response;
};
const headers = [["Authorization", `Bearer ${key}`]];
const provider = new OFREPWebProvider({ baseUrl: url, headers, pollInterval: 25, fetchImplementation });
const seen = [];
for (const [index, context] of contexts.entries()) {
  statuses = [];
  if (index === 0) await OpenFeature.setProviderAndWait(provider, context);
  else await OpenFeature.setContext(context);
  while (statuses.length < 4 || statuses.slice(-3).some((status) => status !== 304)) await sleep(10);
  seen.push({ value: OpenFeature.getClient().getStringValue(flag, "fallback"), statuses });
}
console.log(JSON.stringify(seen));
await OpenFeature.close();
