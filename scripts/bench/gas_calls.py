def run(protocol):
    return {}
