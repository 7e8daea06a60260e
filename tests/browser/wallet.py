"""A wallet extension for tests: announced by EIP-6963, signing in Python with a real key, everything else forwarded to the node."""

import json
import time
from typing import Any

import httpx
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils.address import to_checksum_address

ANNOUNCE = """
(() => {
  const listeners = {};
  let asked = 0;
  const provider = {
    on: (name, listener) => { (listeners[name] ||= []).push(listener); return provider; },
    removeListener: (name, listener) => {
      listeners[name] = (listeners[name] || []).filter((l) => l !== listener);
      return provider;
    },
    request: async (call) => {
      const text = JSON.stringify({ ...call, id: ++asked });
      let answer = JSON.parse(await window.__walletRequest(text));
      while (answer.locked) {  // a window of the wallet's own asks for the password meanwhile
        await new Promise((wake) => setTimeout(wake, 100));
        answer = JSON.parse(await window.__walletRequest(text));
      }
      const { result, error, emit } = answer;
      for (const [name, value] of emit || []) for (const listener of listeners[name] || []) listener(value);
      if (error) throw Object.assign(new Error(error.message), { code: error.code });
      return result;
    },
  };
  window.__walletEmit = (name, value) => { for (const listener of listeners[name] || []) listener(value); };
  const shape = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="%23456"/></svg>';
  const icon = "data:image/svg+xml," + shape;
  const info = Object.freeze({ uuid: "0e7d8a8e-52f2-4b58-9a0c-5bd5a0a3e1c7", name: "Test wallet", icon, rdns: "test.wallet" });
  const announce = () => window.dispatchEvent(
    new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""
REFUSED = {"code": 4001, "message": "User rejected the request."}
BUSY = {"code": -32002, "message": "Request of type 'wallet_requestPermissions' already pending. Please wait."}
CONNECTING = ("eth_requestAccounts", "wallet_requestPermissions")
SIGNING = (*CONNECTING, "eth_signTypedData_v4", "personal_sign", "eth_sendTransaction", "wallet_sendCalls")
PATIENCE = 30  # seconds for a transaction of a batch to be mined


class BrowserWallet:
    """One account. `refuse`: the person declines what is asked next. `prompts`: what the person was asked, in order.

    `locked`: what it is asked first waits for the password, what it is asked meanwhile is turned away. `batches`: it takes several
    calls with one prompt (EIP-5792), and sends a transaction for each.
    """

    def __init__(self, rpc_url: str, chain_id: int, key: str | None = None) -> None:
        self.account = Account.create() if key is None else Account.from_key(key)
        self.address = self.account.address.lower()
        self.chain_id = chain_id
        self.right_chain = chain_id
        self.connected = False
        self.refuse = False
        self.locked = False
        self.batches = False
        self._batch: list[dict[str, Any]] = []
        self._waiting: str | None = None
        self.prompts: list[str] = []
        self.typed: list[dict[str, Any]] = []
        self._node = httpx.Client(base_url=rpc_url, timeout=30)

    def install(self, context: Any) -> None:
        """Into every page of a Playwright context."""
        context.expose_function("__walletRequest", self.request)
        context.add_init_script(ANNOUNCE)

    def close(self) -> None:
        self._node.close()

    def request(self, call: str) -> str:
        asked = json.loads(call)
        if self.locked and asked["method"] in SIGNING:
            self._waiting = self._waiting or call
            return json.dumps({"locked": True} if call == self._waiting else {"error": BUSY})
        if call == self._waiting:
            self._waiting = None
        return json.dumps(self.answer(asked["method"], asked.get("params") or []))

    def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        if method in SIGNING:
            self.prompts.append(method)
            if self.refuse:
                self.refuse = False
                return {"error": REFUSED}
        match method:
            case "eth_accounts":
                return {"result": [self.account.address] if self.connected and not self.locked else []}
            case "eth_requestAccounts":
                self.connected = True
                return {"result": [self.account.address]}
            case "wallet_requestPermissions":
                self.connected = True
                return {"result": [{"parentCapability": "eth_accounts", "caveats": []}]}
            case "wallet_revokePermissions":
                self.connected = False
                return {"result": None}
            case "eth_chainId":
                return {"result": hex(self.chain_id)}
            case "wallet_switchEthereumChain":
                self.chain_id = int(params[0]["chainId"], 16)
                return {"result": None, "emit": [["chainChanged", hex(self.chain_id)]]}
            case "personal_sign":
                signed = self.account.sign_message(encode_defunct(hexstr=params[0]))
                return {"result": "0x" + bytes(signed.signature).hex()}
            case "eth_signTypedData_v4":
                return {"result": self._typed(params[1])}
            case "eth_sendTransaction":
                return self._transaction(params[0])
            case "wallet_getCapabilities" if self.batches:
                return {"result": {hex(self.chain_id): {"atomic": {"status": "unsupported"}}}}
            case "wallet_sendCalls" if self.batches:
                return self._calls(params[0]["calls"])
            case "wallet_getCallsStatus" if self.batches:
                done = {"version": "2.0.0", "id": params[0], "chainId": hex(self.chain_id), "atomic": False}
                return {"result": done | {"status": 200, "receipts": self._batch}}
        return self._forward(method, params)

    def _typed(self, text: str) -> str:
        message = json.loads(text)
        self.typed.append(message)
        signed = self.account.sign_message(encode_typed_data(full_message=message))
        return "0x" + bytes(signed.signature).hex()

    def _transaction(self, asked: dict[str, Any]) -> dict[str, Any]:
        def ask(method: str, *params: Any) -> Any:
            return self._forward(method, list(params))["result"]

        sender = self.account.address
        call = {"from": sender, "to": asked["to"], "data": asked.get("data", "0x"), "value": asked.get("value", "0x0")}
        estimate = self._forward("eth_estimateGas", [call])
        if "error" in estimate:
            return estimate
        transaction = {
            "to": to_checksum_address(asked["to"]),
            "data": call["data"], "value": int(call["value"], 16), "gas": int(estimate["result"], 16) * 3 // 2,
            "nonce": int(ask("eth_getTransactionCount", sender, "pending"), 16), "chainId": self.chain_id,
            "maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9,
        }  # fmt: skip
        raw = self.account.sign_transaction(transaction).raw_transaction
        return self._forward("eth_sendRawTransaction", ["0x" + bytes(raw).hex()])

    def _calls(self, calls: list[dict[str, Any]]) -> dict[str, Any]:
        """One after another, as each may need what the one before did."""
        self._batch = []
        for call in calls:
            sent = self._transaction(call)
            if "error" in sent:
                return sent
            end = time.monotonic() + PATIENCE
            while (receipt := self._forward("eth_getTransactionReceipt", [sent["result"]])["result"]) is None:
                assert time.monotonic() < end, f"{sent['result']} is not mined"
                time.sleep(0.05)
            self._batch.append(receipt)
        return {"result": {"id": self._batch[-1]["transactionHash"]}}

    def _forward(self, method: str, params: list[Any]) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self._node.post("/", json=body).json()
        return {"error": answer["error"]} if "error" in answer else {"result": answer["result"]}
