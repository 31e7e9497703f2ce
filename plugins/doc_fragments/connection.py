# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Use together with autoscale.proxmox.attributes.
    DOCUMENTATION = r"""
options:
  api_host:
    description:
      - Name or address of any node of the cluster, without V(https://) and without a port.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_HOST) will be used instead. An empty variable counts as unset.
    type: str
  api_port:
    description:
      - Port of the API.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_PORT) will be used instead. An empty variable counts as unset.
    type: int
    default: 8006
  api_user:
    description:
      - User with its realm, as in V(automation@pve). There is no default; V(root@pam) is not assumed.
      - Not needed when O(api_token_id) is given as V(user@realm!id).
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_USER) will be used instead. An empty variable counts as unset.
    type: str
  api_password:
    description:
      - Password of O(api_user). An API token is better, because it can be limited and withdrawn.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_PASSWORD) will be used instead.
        An empty variable counts as unset.
    type: str
  api_otp:
    description:
      - Code of the second factor (TOTP) of O(api_user). It is good for one login, and so for one task.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_OTP) will be used instead. An empty variable counts as unset.
    type: str
  api_token_id:
    description:
      - Id of an API token, either alone, as in V(ansible) beside O(api_user), or in full, as in V(automation@pve!ansible).
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_TOKEN_ID) will be used instead.
        An empty variable counts as unset.
    type: str
  api_token_secret:
    description:
      - Secret of the API token.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_TOKEN_SECRET) will be used instead.
        An empty variable counts as unset.
    type: str
  ca_path:
    description:
      - File with the certificate authority that signed the certificate of O(api_host). On a node it is C(/etc/pve/pve-root-ca.pem).
        Without it the certificate authorities of the system are used.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_CA_PATH) will be used instead. An empty variable counts as unset.
    type: path
  validate_certs:
    description:
      - Whether the certificate of O(api_host) is verified. With V(false) anybody on the way can read the password or token;
        better give O(ca_path) or O(api_fingerprint).
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_VALIDATE_CERTS) will be used instead.
        An empty variable counts as unset.
    type: bool
    default: true
  api_fingerprint:
    description:
      - SHA-256 fingerprint of the certificate of O(api_host), with or without colons. The certificate is then compared with it
        instead of being verified by an authority, and it is compared even with O(validate_certs=false).
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_FINGERPRINT) will be used instead.
        An empty variable counts as unset.
    type: str
  api_timeout:
    description:
      - Deadline in seconds of one call of the API, with all its retries. Proxmox holds every refusal back for three seconds, so at least V(4).
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_API_TIMEOUT) will be used instead.
        An empty variable counts as unset.
    type: int
    default: 30
  api_retries:
    description:
      - How often a read, or a write that certainly was not sent, is tried again after a failure of the connection.
        A write that may have arrived is settled by reading, never blindly repeated.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_API_RETRIES) will be used instead.
        An empty variable counts as unset.
    type: int
    default: 3
  transport:
    description:
      - The way to Proxmox. V(api) is its API over HTTPS.
      - V(ssh) runs C(pct) and C(pvesh) on O(ssh_host). V(local) runs them on the machine that the module runs on, which must be a node.
      - V(auto) is the API when O(api_host) is given, else SSH. When the API cannot be reached and O(ssh_host) is given, the task goes on over SSH; a
        warning says so, and so does C(transport) in the results. A refusal, a wrong certificate and an unreachable node behind the API change no way.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_TRANSPORT) will be used instead.
        An empty variable counts as unset.
    type: str
    choices: [auto, api, ssh, local]
    default: auto
  ssh_host:
    description:
      - Name or address of a node to log in to over SSH. With O(transport=auto) this is what allows to go on there when the API gives no answer.
      - Memory of a running container on this node can then be lowered safely, because what it needs is read from the node.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_SSH_HOST) will be used instead.
        An empty variable counts as unset.
    type: str
  ssh_port:
    description:
      - Port of the node's SSH server.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_SSH_PORT) will be used instead.
        An empty variable counts as unset.
    type: int
    default: 22
  ssh_user:
    description:
      - Whom to log in as over SSH. There is no default. C(pct) needs root, so this is C(root), or another user together with O(ssh_become=sudo).
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_SSH_USER) will be used instead.
        An empty variable counts as unset.
    type: str
  ssh_password:
    description:
      - Password of O(ssh_user), or the passphrase of the key when O(ssh_key_file) is given.
      - Without it and without O(ssh_key_file), the keys of an agent and those in C(~/.ssh) are tried.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_SSH_PASSWORD) will be used instead.
        An empty variable counts as unset.
    type: str
  ssh_key_file:
    description:
      - File with the private key, on the machine that the module runs on.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_SSH_KEY_FILE) will be used instead.
        An empty variable counts as unset.
    type: path
  ssh_known_hosts:
    description:
      - File with the host keys to trust. Without it C(~/.ssh/known_hosts) and C(/etc/ssh/ssh_known_hosts) are read.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_SSH_KNOWN_HOSTS) will be used instead.
        An empty variable counts as unset.
    type: path
  ssh_host_key_policy:
    description:
      - What to do with a host whose key is not known. V(reject) refuses it. V(accept-new) takes the key and writes it down.
        A key that differs from the one written down is always refused.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_SSH_HOST_KEY_POLICY) will be used instead.
        An empty variable counts as unset.
    type: str
    choices: [reject, accept-new]
    default: reject
  ssh_become:
    description:
      - Whether C(pct) and C(pvesh) are run by C(sudo -n), with O(transport=local) too. The rules for sudo are described in the collection's docs/ssh.md.
      - If the value is not specified in the task, the value of environment variable E(PROXMOX_SSH_BECOME) will be used instead.
        An empty variable counts as unset.
    type: str
    choices: [none, sudo]
    default: none
  concurrency:
    description:
      - How many containers of one node are worked on at a time; V(1) is one after the other, of whichever node.
      - A node has three workers, so more than V(4) gains nothing and V(4) are used at most.
    type: int
    default: 4
requirements:
  - python >= 3.11
  - proxmoxer >= 1.2
  - requests
  - paramiko (only for SSH)
"""
