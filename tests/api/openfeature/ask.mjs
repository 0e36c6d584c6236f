// Reads {url, key, cases} and prints what the server SDK makes of each case.
import { readFileSync } from "node:fs";
import { OpenFeature } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";

const { url, key, cases } = JSON.parse(readFileSync(0, "utf8"));
const headers = [["Authorization", `Bearer ${key}`]];
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: url, headers }));
const client = OpenFeature.getClient();
const answers = [];
for (const { flag, fallback, context } of cases) {
  const ask = typeof fallback === "boolean" ? client.getBooleanDetails : client.getStringDetails;
  const { value, variant, reason, errorCode, flagMetadata } = await ask.call(client, flag, fallback, context);
  answers.push({ value, variant, reason, errorCode, flagMetadata });
}
console.log(JSON.stringify(answers));
await OpenFeature.close();
