"""What EVoC finds in 1,797 digits of 64 pixels, beside HDBSCAN and a k-means that is told the number.

    python benchmarks/clustering.py

Prints a line for each method and seed. Needs `pip install 'shoal[evoc]'`; numba compiles that first.
"""

from sklearn.datasets import load_digits

from shoal.clustering import HDBSCAN, EVoC, KMeans
from shoal.indices import ami

SMALLEST, SEEDS = 20, 3


def main() -> None:
    """Cluster, compare with the digits, print."""
    digits = load_digits()
    print("method  seed  clusters  left out   AMI")
    for method in (EVoC(smallest=SMALLEST), HDBSCAN(smallest=SMALLEST), KMeans(10)):
        for seed in range(SEEDS):
            found = method.fit(digits.data, seed=seed)
            agreed = ami(digits.target, found.labels + 1)  # noise counts as a class
            left = (found.labels < 0).mean()
            print(f"{method.name:8}{seed:4}{found.clusters:10}{left:10.0%}{agreed:6.2f}")


if __name__ == "__main__":
    main()
