from jaxcbis.commands.main import start

if __name__ == "__main__":
    start()
