/** Addresses, ABIs, and a client in ten lines. */
import { api, must } from "../../lib/api";
import { useDeployment } from "../../lib/config";
import { Copy, Found, Table, Title, usePolled } from "../../ui";

export default function Developers() {
  const config = useDeployment();
  const contracts = usePolled(["contracts"], () => must(api.GET("/v1/contracts")));
  const python = `from labelshare.client.api import Api\n\napi = Api("${location.origin}")\nfor dataset in api.get("/datasets?state=labeling")["items"]:\n    print(dataset["dataset"], dataset["name"], dataset["reward"])`;
  const typescript = `import createClient from "openapi-fetch";\nimport type { paths } from "./api"; // openapi-typescript ${location.origin}/openapi.json\n\nconst api = createClient<paths>({ baseUrl: "${location.origin}" });\nconst { data } = await api.GET("/v1/datasets", { params: { query: { state: "labeling" } } });\nfor (const dataset of data?.items ?? []) console.log(dataset.dataset, dataset.name, dataset.reward);`;
  return (
    <>
      <Title>Developers</Title>
      <h1>Developers</h1>
      <p className="muted">Chain {config.chain_id}, rule <code>{config.rule}</code>, operator <code>{config.operator}</code>. The API is described at <a href="/docs">/docs</a> and in <a href="/openapi.json">/openapi.json</a>.</p>
      <section className="card">
        <h2>Contracts</h2>
        <Found query={contracts}>
          {(all) => (
            <Table label="Contracts" head={["Contract", "Address", "ABI"]}>
              {all.map((one) => (
                <tr key={one.name}>
                  <td>{one.name}</td>
                  <td className="num"><code>{one.address}</code></td>
                  <td className="num"><Copy text={JSON.stringify(one.abi)} label={`Copy ABI of ${one.name}`} /></td>
                </tr>
              ))}
            </Table>
          )}
        </Found>
      </section>
      <section className="card"><div className="row apart"><h2>Python</h2><Copy text={python} /></div><pre tabIndex={0}>{python}</pre></section>
      <section className="card"><div className="row apart"><h2>TypeScript</h2><Copy text={typescript} /></div><pre tabIndex={0}>{typescript}</pre></section>
    </>
  );
}
